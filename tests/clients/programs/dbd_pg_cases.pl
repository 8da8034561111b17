# Perl's DBI with DBD::Pg.
use strict;
use warnings;
use utf8;
use DBI qw(:sql_types);
use DBD::Pg qw(:pg_types :async);
use JSON::PP;
use Time::HiRes qw(time sleep);

my $schema = $ENV{CASE_SCHEMA};
my $place = "dbi:Pg:host=$ENV{PGHOST};port=$ENV{PGPORT};dbname=$ENV{PGDATABASE};sslmode=verify-ca;sslrootcert=$ENV{SERVER_CERTIFICATE}";

sub login {
    my ($more, $password) = @_;
    return DBI->connect($place . ($more // ""), $ENV{PGUSER}, $password // $ENV{PGPASSWORD}, { RaiseError => 1, PrintError => 0, AutoCommit => 1 });
}

my $db = login(";application_name=listed_$schema");

sub same {
    my ($found, $wanted) = map { JSON::PP->new->canonical->allow_nonref->encode($_) } @_;
    die "found $found, not $wanted" unless $found eq $wanted;
}

sub raises {
    my ($state, $what, $handle) = @_;
    die "nothing was raised" if eval { $what->(); 1 };
    same(($handle // $db)->state, $state);
    return ($handle // $db)->errstr;
}

sub rows { return $db->selectall_arrayref(@_); }

sub case_is_listed {
    same(rows(
        "select trim(application_name), trim(remotehost), trim(authmethod), left(sslversion, 4),
                (select count(*) from stv_sessions where process = pg_backend_pid()),
                (select count(*) from sys_session_history where session_id = pg_backend_pid() and status = 'active')
         from stl_connection_log where pid = pg_backend_pid() and event = 'initiating session'"),
        [["listed_$schema", "127.0.0.1", "password", "TLSv", 1, 1]]);
}

sub case_versions {
    same($db->{pg_server_version}, 80002);
    die unless $db->ping == 1 && $db->pg_ping == 1;
    die $db->get_info(18) unless $db->get_info(18) =~ /^08\.00/;    # SQL_DBMS_VER
}

sub case_parameters_of_every_type {
    my $asked = $db->prepare(
        "select ?::boolean as a, ?::int as b, ?::bigint as c, ?::float8 as d, ?::numeric(8,3) as e, ?::varchar as f, ?::timestamp as g, ?::date as h, ?::varbyte as i, ?::int as j");
    my $at = 1;
    $asked->bind_param($at++, @$_) for
        [1, SQL_BOOLEAN], [7, SQL_INTEGER], ["1099511627776", SQL_BIGINT], [1.5, SQL_DOUBLE], ["12.345", SQL_NUMERIC], ["it's \\n 漢", SQL_VARCHAR],
        ["2024-02-29 01:02:03.5", { pg_type => PG_TIMESTAMP }], ["2024-02-29", { pg_type => PG_DATE }], ["ab"], [undef, SQL_INTEGER];
    $asked->execute;
    same($asked->fetchall_arrayref, [[1, 7, "1099511627776" + 0, 1.5, "12.345", "it's \\n 漢", "2024-02-29 01:02:03.5", "2024-02-29", "ab", undef]]);
    same([@{$asked->{NAME}}[0, 9]], ["a", "j"]);
    same([map { $db->type_info($_)->{TYPE_NAME} } @{$asked->{TYPE}}[1, 4, 7]], ["int4", "numeric", "date"]);
    same([@{$asked->{pg_type}}], [qw(bool int4 int8 float8 numeric varchar timestamp date unknown int4)]);    # it knows no VARBYTE
}

sub case_untyped_parameters_and_placeholders {
    $db->do("create table untyped (n int, name varchar(20), price decimal(8,2), at date)");
    my $put = $db->prepare("insert into untyped values (?, ?, ?, ?)");
    same($put->execute(@$_), 1) for [1, "a", "1.25", "2024-02-29"], [2, undef, undef, undef], [3, "it's", "-2", "2024-03-01"];
    same(rows('select n, name, price from untyped where n >= $1 and (name like $2 or $1 = 2) order by n', undef, 2, "it%"), [[2, undef, undef], [3, "it's", "-2.00"]]);
    my $named = $db->prepare("select n from untyped where name = :name or n = :n order by 1");
    $named->bind_param(":name", "a");
    $named->bind_param(":n", 3);
    $named->execute;
    same($named->fetchall_arrayref, [[1], [3]]);
    my @states;
    same($put->execute_for_fetch(do { my @rows = map { [$_, "n$_", $_, undef] } 10 .. 59; sub { shift @rows } }, \@states), 50);
    same(rows("select count(*), sum(price) from untyped"), [[53, "1724.25"]]);
    same($db->do("update untyped set name = ? where n between ? and ?", undef, "x", 10, 19), 10);
    same($db->do("delete from untyped where n = ?", undef, 1000), "0E0");
}

sub case_prepared_on_the_server_and_not {
    for my $way (0, 1, 2) {
        local $db->{pg_server_prepare} = $way;
        my $twice = $db->prepare("select ?::int * 2");
        same([map { $twice->execute($_); $twice->fetchrow_array } 1 .. 5], [2, 4, 6, 8, 10]);
    }
    my $now = $db->prepare("select count(*) from pg_class where relname = ?", { pg_prepare_now => 1 });
    $now->execute("pg_class");
    same($now->fetchall_arrayref, [[1]]);
}

sub case_errors_carry_their_fields {
    my $text = raises("42P01", sub { $db->do("select * from nowhere") });
    die $text unless $text =~ /relation "nowhere" does not exist/;
    raises("22012", sub { rows("select 1/0") });
    raises("42703", sub { $db->prepare("select nothing from pg_class where relname = ?")->execute("x") });
    same(rows("select 1"), [[1]]);
}

sub case_transactions {
    $db->do("create table moved (a int)");
    $db->begin_work;
    $db->do("insert into moved values (1)");
    same($db->ping, 3);
    raises("22012", sub { $db->do("select 1/0") });
    raises("25P02", sub { $db->do("select 1") });
    same($db->ping, 4);
    $db->rollback;
    $db->begin_work;
    $db->do("insert into moved values (2)");
    $db->commit;
    same(rows("select a from moved"), [[2]]);
    local $db->{AutoCommit} = 0;
    $db->do("insert into moved values (3)");
    $db->rollback;
    same(rows("select count(*) from moved"), [[1]]);
    $db->commit;
}

sub case_copy_both_ways {
    $db->do("create table copied (n int, name varchar(20))");
    $db->do("copy copied from stdin");
    $db->pg_putcopydata("$_\tname $_\n") for 1 .. 3;
    $db->pg_putcopydata("4\t\\N\n");
    $db->pg_putcopyend;
    $db->do("copy (select * from copied order by n) to stdout csv");
    my ($line, @lines);
    push @lines, $line while $db->pg_getcopydata(\$line) >= 0;
    same(\@lines, ["1,name 1\n", "2,name 2\n", "3,name 3\n", "4,\n"]);
}

sub case_asynchronous_and_cancelled {
    my $asked = $db->prepare("select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'", { pg_async => PG_ASYNC });
    $asked->execute;
    sleep 0.3;
    same($db->pg_ready ? 1 : 0, 0);
    same($db->pg_cancel ? 1 : 0, 1);
    my $made = login();
    $made->do("set statement_timeout to 400");
    raises("57014", sub { $made->selectall_arrayref("select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'") }, $made);
    $made->disconnect;
    same(rows("select 1"), [[1]]);
}

sub case_cursors {
    $db->begin_work;
    $db->do("declare many cursor for select n from generate_series(1, 100) as g(n) order by n");
    same(scalar @{rows("fetch 60 from many")}, 60);
    same(rows("fetch forward 2 from many"), [[61], [62]]);
    $db->do("close many");
    $db->commit;
}

sub case_metadata {
    $db->do("create table parents (id int not null, name varchar(20) default 'x' not null, price decimal(8,2), primary key (id))");
    $db->do("create table children (id int, parent int references parents (id))");
    $db->do("create view looks as select id, name from parents");
    $db->do("comment on table parents is 'Who has children'");
    my $tables = $db->table_info(undef, $schema, undef, undef)->fetchall_arrayref({ TABLE_NAME => 1, TABLE_TYPE => 1, REMARKS => 1 });
    my %found = map { $_->{TABLE_NAME} => [$_->{TABLE_TYPE}, $_->{REMARKS}] } @$tables;
    same([@found{qw(parents children looks)}], [["TABLE", "Who has children"], ["TABLE", undef], ["VIEW", undef]]);
    my $columns = $db->column_info(undef, $schema, "parents", undef)->fetchall_arrayref({});
    same([map { [@$_{qw(COLUMN_NAME TYPE_NAME COLUMN_SIZE DECIMAL_DIGITS NULLABLE ORDINAL_POSITION pg_type)}] } @$columns],
        [["id", "integer", 4, undef, 0, 1, "integer"], ["name", "character varying", 20, undef, 0, 2, "character varying(20)"],
         ["price", "numeric", "2,8", undef, 1, 3, "numeric(8,2)"]]);    # "2,8" is the driver's own way
    same([$db->primary_key(undef, $schema, "parents")], ["id"]);
    my $keys = $db->foreign_key_info(undef, $schema, "parents", undef, $schema, "children")->fetchall_arrayref({});
    same([map { [@$_{qw(UK_TABLE_NAME UK_COLUMN_NAME FK_TABLE_NAME FK_COLUMN_NAME)}] } @$keys], [["parents", "id", "children", "parent"]]);
    same([$db->tables(undef, $schema, "parents", "TABLE")], ["$schema.parents"]);
}

sub case_notices_and_calls {
    my @said;
    local $SIG{__WARN__} = sub { push @said, @_ };
    $db->do("drop table if exists never_there");
    die "@said" unless grep { /never_there/ } @said;
    $db->do('create procedure doubled(a inout int) as $$ begin a := a * 2; end $$ language plpgsql');
    same(rows("call doubled(?)", undef, 21), [[42]]);
    same(rows("select json_parse(?)", undef, '{"a":[1]}'), [['{"a":[1]}']]);
}

sub case_wrong_passwords {
    die "came in" if eval { login("", "not this"); 1 };
    same($DBI::state, "28P01") if $DBI::state ne "08006";    # libpq tells no state of a refused connection
    die $DBI::errstr unless $DBI::errstr =~ /password authentication failed for user "\Q$ENV{PGUSER}\E"/;
}

$db->do("create schema $schema");
$db->do("set search_path to $schema");
$| = 1;
binmode STDOUT, ":utf8";
open my $own, "<", __FILE__ or die;
for my $name (map { /^sub (case_\w+)/ ? $1 : () } <$own>) {
    my $error = eval { no strict "refs"; &$name(); 1 } ? undef : "$@";
    print JSON::PP->new->canonical->encode({ case => substr($name, 5), error => $error }), "\n";
}
