# What a connection needs it says itself: no default of the database or of the role makes a login
# fail, lets one too many in, or hides a revocation.

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(checkout scratch slurp spew);

my ($postgres, $httpd) = start_servers(
    children => 2, threads => 16,
    database => { settings => { log_connections => 'on' } },
    config => "SecSessionMaxPerUser 1\nDBDMin 0\n",
);

# PostgreSQL's log has what a connection says before its first statement.
wait_until {
    my %named = map { $_ => 1 } $postgres->log =~ /user=httpd_web .*application_name=(.+)/g;
    $named{'mod_secsession feed'} && $named{'mod_secsession housekeeper'}
}
'the feed and the housekeeper have their names from the beginning'
    or diag $postgres->log;

sub set_default {
    my ($text) = @_;
    $postgres->psql("alter database app set $text");
    return cut();
}

# Connections that were made before have the defaults of then.
sub cut {
    return $postgres->psql(
        "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'httpd_web'",
        db => 'postgres');
}

sub start_login {
    my ($user) = @_;
    my $client = $httpd->client;
    my $password = password_of($user) =~ tr/ /+/r;
    return $client->start_request('POST', '/login', body => "username=$user&password=$password",
        headers => [
            [ 'Content-Type' => 'application/x-www-form-urlencoded' ],
            [ Origin => $client->origin ]
        ]);
}

sub log_in_at_once {
    my ($users, $times) = @_;
    my @running = map { start_login($users->[ $_ % @$users ]) } 1 .. $times;
    return map { $_->finish->status } @running;
}

for my $isolation ('serializable', 'repeatable read') {
    subtest "a database whose default is $isolation" => sub {
        set_default("default_transaction_isolation = '$isolation'");
        my %count;
        for (1 .. 10) {
            $count{$_}++ for log_in_at_once([qw(alice bob)], 20);
            my $most = $postgres->value(
                'select max(n) from (select count(*) n from secsession.active_session '
                    . 'group by user_name) s');
            $count{'two in'}++ if $most > 1;
        }
        is_deeply \%count, { 303 => 200 }, 'every login succeeds, and none is one too many';
        $postgres->psql('alter database app reset default_transaction_isolation');
    };
}

subtest 'a database that does not wait for its disk' => sub {
    set_default("synchronous_commit = off; alter database app set timezone = 'Asia/Tokyo';
        alter database app set datestyle = 'German';
        alter database app set statement_timeout = '1min'");
    my $alice = browser($httpd, 'alice');
    is $alice->get('/app/show')->status, 200, 'everything works';
    my $show = join ' || $$ $$ || ', map { "current_setting('$_')" }
        qw(synchronous_commit statement_timeout lock_timeout TimeZone client_encoding
        default_transaction_isolation idle_in_transaction_session_timeout);
    $postgres->psql(<<"SQL");
create table public.seen (settings text);
create function public.see() returns trigger language plpgsql security definer
as \$f\$begin insert into public.seen select $show; return null; end\$f\$;
create trigger see after insert on secsession.session for each row execute function public.see();
SQL
    browser($httpd, 'bob');
    is $postgres->value('select distinct settings from public.seen'),
        'on 1700ms 1500ms UTC UTF8 read committed 5s', 'a login runs with what it needs';
    $postgres->psql('truncate public.seen');
    set_default('synchronous_commit = local');
    browser($httpd, 'bob');
    like $postgres->value('select distinct settings from public.seen'), qr/^local /,
        'what is durable enough is left to the administrator';
    $postgres->psql('drop trigger see on secsession.session');
    $postgres->psql("alter database app reset $_")
        for qw(synchronous_commit timezone datestyle statement_timeout);
};

subtest 'a database in LATIN1' => sub {
    $postgres->psql(
        "create database latin encoding 'LATIN1' locale 'C' template template0", db => 'postgres');
    $postgres->psql("alter role httpd_web in database latin set client_encoding = 'LATIN1'");
    my ($exit, undef, $err) =
        $postgres->script(checkout() . '/store/install.sql', db => 'latin',
            vars => { roles => 'secsession' });
    is $exit, 0, 'the schema is installed' or diag $err;
    my $folder = scratch('latin');
    my ($hash) = slurp(users_file($folder)) =~ /^alice:(\S+)/m;
    spew("$folder/users", "m\xC3\xBCller:$hash\n");
    my $server = Secsession::Httpd->start(postgres => $postgres, children => 2,
        dbd_params => 'dbname=latin', files => { 'static/page.html' => 'x' },
        config => Secsession::Test::standard_config(
            login => qq{AuthUserFile "$folder/users"},
            config => "SecSessionLease 1h\nDBDMin 0\n"));
    my $name = "m\xC3\xBCller";
    my $browser = $server->client;
    is $browser->login($name, password_of('alice'))->status, 303, 'a user with an umlaut logs in';
    is $browser->get('/static/page.html')->status, 200, 'and is served';
    is environment_of($browser->get('/app/show'))->{REMOTE_USER}, $name, 'by that name';
    $browser->get('/static/page.html') for 1 .. 8;    # in every child
    is $postgres->value(
        "set client_encoding to 'UTF8'; select secsession.revoke_user('$name', 'test')",
        db => 'latin'), 1, 'the administrator revokes by that name';
    wait_until { $browser->get('/static/page.html')->status == 401 }
        'and the next request is refused, whatever the lease';
};

done_testing;
