-- Load every table from S3. psql fills in the bucket and the role:
--     psql -v bucket=tickets -v role=arn:aws:iam::123456789012:role/tickets -f 2_copy.sql
-- A prefix stands for every file whose key starts with it: listings come in two gzipped parts.

\set users    's3://' :bucket '/tickit/allusers_pipe'
\set venue    's3://' :bucket '/tickit/venue_pipe.txt'
\set category 's3://' :bucket '/tickit/category_pipe.txt'
\set date     's3://' :bucket '/tickit/date2008_pipe.txt'
\set event    's3://' :bucket '/tickit/allevents_pipe.txt'
\set listing  's3://' :bucket '/tickit/listings_pipe'
\set sales    's3://' :bucket '/tickit/sales_tab.txt'

COPY users FROM :'users' IAM_ROLE :'role' DELIMITER '|' GZIP REGION 'us-east-1';
COPY venue FROM :'venue' IAM_ROLE :'role' DELIMITER '|' REGION 'us-east-1';
COPY category FROM :'category' IAM_ROLE :'role' DELIMITER '|' REGION 'us-east-1';
COPY date FROM :'date' IAM_ROLE :'role' DELIMITER '|' REGION 'us-east-1';
COPY event FROM :'event' IAM_ROLE :'role' DELIMITER '|' TIMEFORMAT 'YYYY-MM-DD HH:MI:SS' REGION 'us-east-1';
COPY listing FROM :'listing' IAM_ROLE :'role' DELIMITER '|' GZIP REGION 'us-east-1';
COPY sales FROM :'sales' IAM_ROLE :'role' DELIMITER '\t' TIMEFORMAT 'MM/DD/YYYY HH:MI:SS' REGION 'us-east-1';

ANALYZE;
