{{ config(event_time='sold_at') }}

select
    sale_id,
    seller_id,
    buyer_id,
    event_id,
    tickets,
    price_paid,
    commission,
    sold_at,
    cast(sold_at as date) as sold_on
from {{ ref('sales') }}
