-- What came since the last run is added; nothing is ever changed.
{{ config(materialized='incremental', incremental_strategy='append', sort='clicked_at') }}

select event_id, page, clicked_at
from {{ ref('stg_clicks') }}
{% if is_incremental() %}
where clicked_at > (select max(clicked_at) from {{ this }})
{% endif %}
