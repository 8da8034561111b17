{% test between(model, column_name, low, high) %}
select {{ column_name }}
from {{ model }}
where {{ column_name }} not between {{ low }} and {{ high }}
{% endtest %}

{% test same_sum(model, column_name, to, field) %}
select ours, theirs
from (select sum({{ column_name }}) as ours from {{ model }})
cross join (select sum({{ field }}) as theirs from {{ to }})
where coalesce(ours, 0) <> coalesce(theirs, 0)
{% endtest %}
