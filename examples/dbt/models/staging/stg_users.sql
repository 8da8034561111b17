select
    user_id,
    trim(user_name) as user_name,
    initcap(first_name || ' ' || last_name) as full_name,
    email,
    city,
    state
from {{ ref('users') }}
