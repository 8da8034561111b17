-- Built a month at a time: dbt run --event-time-start 2008-01-01 --event-time-end 2008-04-01
{{ config(
    materialized='incremental',
    incremental_strategy='microbatch',
    event_time='sold_hour',
    batch_size='month',
    begin='2008-01-01',
    lookback=0,
) }}

select
    date_trunc('hour', sold_at) as sold_hour,
    count(*) as sales,
    sum(tickets) as tickets
from {{ ref('stg_sales') }}
group by 1
