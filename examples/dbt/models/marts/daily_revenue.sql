-- The days of the last sales are deleted and written anew: DELETE … WHERE (…) IN, then INSERT.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['sold_on', 'category_name'],
    sort_type='interleaved',
    sort=['sold_on', 'category_name'],
) }}

select
    {{ surrogate_key(['sold_on', 'category_name']) }} as day_key,
    s.sold_on,
    e.category_name,
    sum(s.tickets) as tickets,
    sum(s.price_paid) as revenue
from {{ ref('stg_sales') }} as s
join {{ ref('stg_events') }} as e using (event_id)
{% if is_incremental() %}
where s.sold_on >= (select max(sold_on) - 7 from {{ this }})
{% endif %}
group by 2, 3
