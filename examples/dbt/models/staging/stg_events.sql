{{ config(materialized='ephemeral') }}

select
    e.event_id,
    e.event_name,
    e.starts_at,
    c.category_name,
    c.category_group,
    v.venue_name,
    v.city as venue_city
from {{ ref('events') }} as e
join {{ ref('categories') }} as c using (category_id)
join {{ ref('venues') }} as v using (venue_id)
