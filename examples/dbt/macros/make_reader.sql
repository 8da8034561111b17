{# Makes the user who is granted the marts, so that the first run on an empty server succeeds. #}
{% macro make_reader(name) %}
  {% if execute and name not in run_query('select usename from pg_user').columns[0].values() %}
    {% do run_query('create user ' ~ name ~ ' password disable') %}
  {% endif %}
{% endmacro %}
