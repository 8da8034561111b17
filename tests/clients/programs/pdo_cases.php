<?php
// PHP's PDO and its own pgsql functions.

$schema = getenv('CASE_SCHEMA');
$place = 'host=' . getenv('PGHOST') . ' port=' . getenv('PGPORT') . ' dbname=' . getenv('PGDATABASE') . ' sslmode=verify-ca sslrootcert=' . getenv('SERVER_CERTIFICATE');
$slow = "select count(*) from generate_series(1, 100000) a, generate_series(1, 100000) b where a::text || b::text = 'x'";

function login(array $options = [], string $more = '', ?string $password = null): PDO
{
    global $place;
    return new PDO('pgsql:' . str_replace(' ', ';', $place . $more), getenv('PGUSER'), $password ?? getenv('PGPASSWORD'), $options + [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION, PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_NUM]);
}

$db = login([], " application_name=listed_$schema");
$db->exec("create schema $schema");
$db->exec("set search_path to $schema");

function same($found, $wanted): void
{
    if ($found !== $wanted) {
        throw new Exception('found ' . json_encode($found) . ', not ' . json_encode($wanted));
    }
}

function refused(string $state, callable $what): string
{
    try {
        $what();
    } catch (PDOException $error) {
        same($error->getCode(), $state);
        return $error->getMessage();
    }
    throw new Exception('nothing was raised');
}

function rows(string $text, array $values = [], ?PDO $connection = null): array
{
    global $db;
    $asked = ($connection ?? $db)->prepare($text);
    $asked->execute($values);
    return $asked->fetchAll();
}

function case_is_listed()
{
    global $schema;
    same(rows("select trim(application_name), trim(remotehost), trim(authmethod), left(sslversion, 4),
        (select count(*) from stv_sessions where process = pg_backend_pid())
        from stl_connection_log where pid = pg_backend_pid() and event = 'initiating session'"),
        [["listed_$schema", '127.0.0.1', 'password', 'TLSv', 1]]);
}

function case_versions()
{
    global $db;
    same($db->getAttribute(PDO::ATTR_SERVER_VERSION), '8.0.2');
    same(str_contains($db->getAttribute(PDO::ATTR_CONNECTION_STATUS), 'OK'), true);
    same($db->inTransaction(), false);
}

function case_parameters_of_every_type()
{
    global $db;
    $asked = $db->prepare('select ?::boolean, ?::int, ?::bigint, ?::float8, ?::numeric(8,3), ?::varchar, ?::timestamp, ?::date, ?::int');
    foreach ([[true, PDO::PARAM_BOOL], [7, PDO::PARAM_INT], [1 << 40, PDO::PARAM_INT], ['1.5'], ['-12.345'], ["it's \\n 漢"], ['2024-02-29 01:02:03.5'], ['2024-02-29'], [null, PDO::PARAM_NULL]] as $n => $one) {
        $asked->bindValue($n + 1, ...$one);
    }
    $asked->execute();
    same($asked->fetchAll(), [[true, 7, 1 << 40, '1.5', '-12.345', "it's \\n 漢", '2024-02-29 01:02:03.5', '2024-02-29', null]]);
    $told = array_map(fn ($n) => $asked->getColumnMeta($n)['native_type'], [0, 1, 4, 5, 6]);
    same($told, ['bool', 'int4', 'numeric', 'varchar', 'timestamp']);
}

function case_names_and_ways_to_prepare()
{
    global $db;
    $db->exec('create table named (n int, name varchar(20), price decimal(8,2))');
    foreach ([[], [PDO::ATTR_EMULATE_PREPARES => true], [PDO::PGSQL_ATTR_DISABLE_PREPARES => true]] as $n => $way) {
        $put = $db->prepare('insert into named values (:n, :name, :price)', $way);
        foreach ([["it's", 1.25], [null, null], ['back\\slash', '-2']] as [$name, $price]) {
            $put->execute(['n' => $n, 'name' => $name, 'price' => $price]);
        }
        same($put->rowCount(), 1);
        $found = $db->prepare('select name, price from named where n = :n and (name like :like or name is null) order by name nulls first', $way);
        $found->execute(['n' => $n, 'like' => 'it%']);
        same($found->fetchAll(), [[null, null], ["it's", '1.25']]);
    }
    same(rows('select name from named where name like ? limit 1', ['back%']), [['back\\slash']]);
    same($db->exec('delete from named where n = 1'), 3);
}

function case_fetching()
{
    global $db;
    $asked = $db->query("select n, 'x' || n as name from generate_series(1, 3) as g(n) order by n");
    same($asked->fetch(PDO::FETCH_ASSOC), ['n' => 1, 'name' => 'x1']);
    same($asked->fetchAll(PDO::FETCH_KEY_PAIR), [2 => 'x2', 3 => 'x3']);
    same($asked->columnCount(), 2);
    $db->beginTransaction();
    // Redshift's cursors do not scroll.
    refused('0A000', fn () => $db->prepare('select 1', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL])->execute());
    $db->rollBack();
    $db->beginTransaction();
    $db->exec('declare many cursor for select n from generate_series(1, 5) as g(n) order by n');
    same([rows('fetch 2 from many'), rows('fetch all from many')], [[[1], [2]], [[3], [4], [5]]]);
    $db->commit();
}

function case_errors_carry_their_fields()
{
    same(str_contains(refused('42P01', fn () => rows('select * from nowhere')), 'relation "nowhere" does not exist'), true);
    refused('22012', fn () => rows('select 1/?::int', [0]));
    refused('42601', fn () => rows('selectt'));
    same(rows('select 1'), [[1]]);
}

function case_transactions()
{
    global $db;
    $db->exec('create table moved (a int)');
    $db->beginTransaction();
    $db->exec('insert into moved values (1)');
    same($db->inTransaction(), true);
    refused('22012', fn () => rows('select 1/0'));
    refused('25P02', fn () => rows('select 1'));
    $db->rollBack();
    $db->beginTransaction();
    $db->exec('insert into moved values (2)');
    $db->commit();
    same(rows('select a from moved'), [[2]]);
}

function case_copy_both_ways()
{
    global $db;
    $db->exec('create table copied (n int, name varchar(20))');
    same($db->pgsqlCopyFromArray('copied', ["1\tone", "2\tit's", "3\t\\N"]), true);
    $found = $db->pgsqlCopyToArray('copied', ',', 'none');
    sort($found);
    same($found, ["1,one\n", "2,it's\n", "3,none\n"]);
}

function case_pgsql_functions()
{
    global $place, $schema, $slow;
    $made = pg_connect($place . ' user=' . getenv('PGUSER') . ' password=' . getenv('PGPASSWORD') . " options='-c search_path=$schema'");
    same(pg_fetch_all(pg_query_params($made, 'select $1::int * 2 as twice, $2::varchar as t', [21, 'é'])), [['twice' => '42', 't' => 'é']]);
    pg_prepare($made, 'plus', 'select $1::int + 1');
    same(pg_fetch_result(pg_execute($made, 'plus', [41]), 0, 0), '42');
    pg_query($made, 'create table meta (id int not null, name varchar(20))');
    $told = pg_meta_data($made, "$schema.meta");
    same([array_keys($told), $told['id']['type'], $told['id']['not null'], $told['name']['type'], $told['name']['not null']], [['id', 'name'], 'int4', true, 'varchar', false]);
    same((bool) pg_insert($made, "$schema.meta", ['id' => 1, 'name' => "it's"]), true);
    same(pg_select($made, "$schema.meta", ['id' => 1]), [['id' => '1', 'name' => "it's"]]);
    $found = pg_query($made, 'select id from meta');
    same([pg_field_table($found, 0), pg_field_type($found, 0)], ['meta', 'int4']);
    pg_send_query($made, $slow);
    usleep(300000);
    same(pg_cancel_query($made), true);
    pg_query($made, 'set statement_timeout to 400');
    pg_send_query($made, $slow);
    same(pg_result_error_field(pg_get_result($made), PGSQL_DIAG_SQLSTATE), '57014');
    pg_close($made);
}

function case_calls_and_super()
{
    global $db;
    $db->exec('create procedure doubled(a inout int) as $$ begin a := a * 2; end $$ language plpgsql');
    same(rows('call doubled(?)', [21]), [[42]]);
    same(rows('select json_parse(?)', ['{"a":[1]}']), [['{"a":[1]}']]);
}

function case_wrong_passwords()
{
    try {
        login([], '', 'not this');
    } catch (PDOException $error) {
        same(str_contains($error->getMessage(), 'password authentication failed'), true);
        return;
    }
    throw new Exception('came in');
}

preg_match_all('/^function (case_\w+)/m', file_get_contents(__FILE__), $found);
foreach ($found[1] as $name) {
    $error = null;
    try {
        $name();
    } catch (Throwable $raised) {
        $error = (string) $raised;
    }
    echo json_encode(['case' => substr($name, 5), 'error' => $error]), "\n";
}
