select case when $2 = 0 then null else round($1 / $2, 4) end
