{{ config(dist='all', sort='day') }}

with days as (
    {{ dbt.date_spine('day', "cast('2008-01-01' as date)", "cast('2009-01-01' as date)") }}
)

select
    cast(date_day as date) as day,
    extract(week from date_day) as week,
    {{ dbt.last_day('date_day', 'month') }} as last_of_month,
    {{ dbt.dateadd('day', 1, 'date_day') }} as next_day,
    {{ dbt.datediff("cast('2008-01-01' as date)", 'date_day', 'week') }} as weeks_in
from days
