{{ config(
    materialized='materialized_view',
    auto_refresh=true,
    backup=false,
    dist='even',
    sort=['month'],
    on_configuration_change='apply',
) }}

select
    date_trunc('month', sold_at) as month,
    count(*) as sales,
    sum(price_paid) as revenue
from {{ ref('sales') }}
group by 1
