-- The seven tables of the ticket marketplace. Small tables every query joins are copied to all slices,
-- the two large ones are spread by listing, so that sales and listings join where they are.

CREATE TABLE users (
    userid        INTEGER NOT NULL DISTKEY SORTKEY,
    username      CHAR(8),
    firstname     VARCHAR(30),
    lastname      VARCHAR(30),
    city          VARCHAR(30),
    state         CHAR(2),
    email         VARCHAR(100),
    phone         CHAR(14),
    likesports    BOOLEAN,
    liketheatre   BOOLEAN,
    likeconcerts  BOOLEAN,
    likejazz      BOOLEAN,
    likeclassical BOOLEAN,
    likeopera     BOOLEAN,
    likerock      BOOLEAN,
    likevegas     BOOLEAN,
    likebroadway  BOOLEAN,
    likemusicals  BOOLEAN
);

CREATE TABLE venue (
    venueid    SMALLINT NOT NULL SORTKEY,
    venuename  VARCHAR(100) ENCODE zstd,
    venuecity  VARCHAR(30) ENCODE bytedict,
    venuestate CHAR(2) ENCODE bytedict,
    venueseats INTEGER ENCODE az64
) DISTSTYLE ALL;

CREATE TABLE category (
    catid    SMALLINT NOT NULL SORTKEY,
    catgroup VARCHAR(10),
    catname  VARCHAR(10),
    catdesc  VARCHAR(50)
) DISTSTYLE ALL;

CREATE TABLE date (
    dateid  SMALLINT NOT NULL SORTKEY,
    caldate DATE NOT NULL,
    day     CHARACTER(3) NOT NULL,
    week    SMALLINT NOT NULL,
    month   CHARACTER(5) NOT NULL,
    qtr     CHARACTER(5) NOT NULL,
    year    SMALLINT NOT NULL,
    holiday BOOLEAN DEFAULT FALSE
) DISTSTYLE ALL;

CREATE TABLE event (
    eventid   INTEGER NOT NULL DISTKEY,
    venueid   SMALLINT NOT NULL,
    catid     SMALLINT NOT NULL,
    dateid    SMALLINT NOT NULL SORTKEY,
    eventname VARCHAR(200) ENCODE lzo,
    starttime TIMESTAMP ENCODE az64
);

CREATE TABLE listing (
    listid         INTEGER NOT NULL DISTKEY,
    sellerid       INTEGER NOT NULL ENCODE az64,
    eventid        INTEGER NOT NULL ENCODE az64,
    dateid         SMALLINT NOT NULL SORTKEY,
    numtickets     SMALLINT NOT NULL ENCODE az64,
    priceperticket DECIMAL(8, 2) ENCODE az64,
    totalprice     DECIMAL(8, 2) ENCODE az64,
    listtime       TIMESTAMP ENCODE az64
);

CREATE TABLE sales (
    salesid    INTEGER NOT NULL ENCODE az64,
    listid     INTEGER NOT NULL DISTKEY,
    sellerid   INTEGER NOT NULL ENCODE az64,
    buyerid    INTEGER NOT NULL ENCODE az64,
    eventid    INTEGER NOT NULL ENCODE az64,
    dateid     SMALLINT NOT NULL SORTKEY,
    qtysold    SMALLINT NOT NULL ENCODE az64,
    pricepaid  DECIMAL(8, 2) ENCODE az64,
    commission DECIMAL(8, 2) ENCODE az64,
    saletime   TIMESTAMP ENCODE az64
);
