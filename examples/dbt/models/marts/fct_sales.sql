-- One row a sale, brought up to date by MERGE.
{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='sale_id',
    on_schema_change='append_new_columns',
    dist='event_id',
    sort='sold_at',
    post_hook="analyze {{ this }}",
) }}

select
    s.sale_id,
    s.buyer_id,
    s.seller_id,
    s.event_id,
    e.event_name,
    e.category_name,
    s.tickets,
    s.price_paid,
    s.price_paid - s.commission as earned,
    s.sold_at
from {{ ref('stg_sales') }} as s
join {{ ref('stg_events') }} as e using (event_id)
{% if is_incremental() %}
where s.sold_at >= (select dateadd(day, -3, max(sold_at)) from {{ this }})
{% endif %}
