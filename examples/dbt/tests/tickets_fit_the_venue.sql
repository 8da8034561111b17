-- No event sells more tickets than its venue has seats.
select e.event_id, v.seats, sum(s.tickets) as sold
from {{ ref('sales') }} as s
join {{ ref('events') }} as e using (event_id)
join {{ ref('venues') }} as v using (venue_id)
where v.seats > 0
group by 1, 2
having sum(s.tickets) > v.seats
