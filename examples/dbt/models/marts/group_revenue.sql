{{ config(backup=false, dist='all') }}

select
    date_trunc('month', s.sold_at) as month,
    {{ pivoted(ref('categories'), 'category_group', 's.price_paid') }}
from {{ ref('stg_sales') }} as s
join {{ ref('stg_events') }} as e using (event_id)
group by 1
