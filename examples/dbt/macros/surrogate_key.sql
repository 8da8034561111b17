{% macro surrogate_key(columns) -%}
md5(
    {%- for column in columns -%}
    coalesce(cast({{ column }} as {{ dbt.type_string() }}), '_null_')
    {%- if not loop.last %} || '-' || {% endif -%}
    {%- endfor -%}
)
{%- endmacro %}

{# One column for each value that *column* of *relation* has now. #}
{% macro pivoted(relation, column, value) %}
  {% set found = run_query('select distinct ' ~ column ~ ' from ' ~ relation ~ ' order by 1') if execute else none %}
  {% for one in (found.columns[0].values() if found else []) %}
    sum(case when {{ column }} = '{{ one }}' then {{ value }} else 0 end) as {{ one | lower }}
    {%- if not loop.last %},{% endif %}
  {% endfor %}
{% endmacro %}
