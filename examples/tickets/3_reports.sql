-- Which users buy the most tickets?
\echo Top buyers
SELECT u.firstname, u.lastname, u.city, t.tickets, t.spent
FROM (
    SELECT buyerid, SUM(qtysold) AS tickets, SUM(pricepaid) AS spent
    FROM sales
    GROUP BY buyerid
    ORDER BY tickets DESC, buyerid
    LIMIT 10
) AS t
JOIN users AS u ON u.userid = t.buyerid
ORDER BY t.tickets DESC, u.userid;

-- Which music genre sells best?
\echo Best-selling music genres
SELECT c.catname AS genre,
       COUNT(DISTINCT e.eventid) AS events,
       SUM(s.qtysold) AS tickets,
       SUM(s.pricepaid) AS revenue,
       RANK() OVER (ORDER BY SUM(s.qtysold) DESC) AS place
FROM sales AS s
JOIN event AS e ON e.eventid = s.eventid
JOIN category AS c ON c.catid = e.catid
WHERE c.catname IN ('Musicals', 'Opera', 'Pop', 'Jazz', 'Classical')
GROUP BY c.catname
ORDER BY tickets DESC;
