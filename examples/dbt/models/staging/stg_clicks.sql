-- A late-binding view: it outlives its table, which the site may drop and make anew.
{{ config(bind=false) }}

select
    event_id,
    page,
    clicked_at
from {{ source('web', 'clicks') }}
