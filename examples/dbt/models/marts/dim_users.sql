{{ config(dist='user_id', sort=['state', 'city'], contract={'enforced': true}) }}

select
    user_id,
    user_name,
    full_name,
    city,
    state,
    user_id in (select buyer_id from {{ ref('stg_sales') }}) as has_bought
from {{ ref('stg_users') }}
