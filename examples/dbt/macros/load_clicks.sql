{# Plays the ticket site: dbt run-operation load_clicks #}
{% macro load_clicks(clicks=1000) %}
  {% set table = source('web', 'clicks') %}
  {% do run_query('create schema if not exists ' ~ table.schema) %}
  {% do run_query('create table if not exists ' ~ table ~
                  ' (event_id integer, page varchar(10), clicked_at timestamp) sortkey (clicked_at)') %}
  {% set click %}
    insert into {{ table }}
    with recursive numbers (n) as (
        select 1
        union all
        select n + 1 from numbers where n < {{ clicks }}
    )
    select
        n % 176 + 1,
        case n % 3 when 0 then 'event' when 1 then 'seats' else 'checkout' end,
        dateadd(second, -n, getdate())
    from numbers
  {% endset %}
  {% do run_query(click) %}
  {% do run_query('commit') %}
{% endmacro %}
