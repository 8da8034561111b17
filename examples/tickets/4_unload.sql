-- Write what was sold in each quarter back to S3, as Parquet in one folder a quarter and as one CSV file.
--     psql -v bucket=tickets -v role=arn:aws:iam::123456789012:role/tickets -f 4_unload.sql

\set parquet 's3://' :bucket '/reports/sales_by_event/'
\set csv     's3://' :bucket '/reports/top_buyers_'

UNLOAD ('SELECT e.eventid, e.eventname, d.qtr AS quarter, SUM(s.qtysold) AS tickets, SUM(s.pricepaid) AS revenue
         FROM sales s JOIN event e ON e.eventid = s.eventid JOIN date d ON d.dateid = s.dateid
         GROUP BY e.eventid, e.eventname, d.qtr')
TO :'parquet' IAM_ROLE :'role' FORMAT AS PARQUET PARTITION BY (quarter) ALLOWOVERWRITE;

UNLOAD ('SELECT buyerid, SUM(qtysold) AS tickets FROM sales GROUP BY buyerid ORDER BY tickets DESC, buyerid')
TO :'csv' IAM_ROLE :'role' FORMAT AS CSV HEADER PARALLEL OFF ALLOWOVERWRITE;
