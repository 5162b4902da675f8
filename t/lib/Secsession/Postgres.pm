# A private PostgreSQL (15 or newer) for one test: its own cluster, reached over a Unix socket in a
# folder that only root, the server's user and httpd's user may enter. The environment's
# SECSESSION_POSTGRES is the folder of the server's programs (postgres, initdb) if it is to be
# another than the newest that is installed; psql is always an installed one.
#
#   my $postgres = Secsession::Postgres->start(%opt);
#       durable => 1          fsync on: for tests that crash the server
#       log_statements => 1   every statement goes to the server log; statements() counts them
#       settings => { ... }   lines of postgresql.conf
#   $postgres->install                   store/install.sql in database app, and the login roles
#                                        httpd_web, admin_role, auditor_role
#   $postgres->psql($sql, %opt)          its output, unaligned without headers; dies with psql's
#                                        stderr
#   $postgres->psql_fails($sql, %opt)    stderr; dies if psql was content.  Options: user, db, vars
#                                        => {}, timeout
#   $postgres->value($sql, %opt)         one value
#   $postgres->count('session')          how many rows a table of ours has
#   $postgres->of_token($columns, $token)   of the session that a cookie's token belongs or belonged
#                                           to
#   $postgres->anonymous_token           of a new session that nobody has authenticated in
#   $postgres->script($file, %opt)       (exit, stdout, stderr) of psql -f $file
#   $postgres->stop($mode), start_again, restart($mode)     mode: fast (default), immediate, smart
#   $postgres->freeze, thaw              the whole server stops answering, and goes on
#   $postgres->backend_pids($user)       of httpd_web unless told
#   $postgres->conninfo($user)           for DBDParams
#   $postgres->statements($user, qr//)   how many statements were executed; with log_statements
#   $postgres->asked_by_requests         the same, without what web servers do by themselves
#   $postgres->log, host, pid
#   $postgres->program('pg_dump')        the path of an installed client program
#   $postgres->version                   of the server: 15, 16, ...
package Secsession::Postgres;

use strict;
use warnings;

use Digest::SHA 'sha256_hex';
use Fcntl ':flock';
use File::Path 'make_path';
use MIME::Base64 qw(decode_base64url encode_base64url);
use Secsession::Process qw(scratch spawn run await slurp spew checkout am_root descendants);

my $USER = 'postgres';    # the superuser's role, and the system user when we are root
my $HTTPD_USER = 'www-data';

sub start {
    my ($class, %opt) = @_;
    my $folder = scratch('pg');
    my $self = bless {
        data => "$folder/data", host => "$folder/socket", log_file => "$folder/server.log",
        bin => $ENV{SECSESSION_POSTGRES} // installed(), clients => installed(),
        log_statements => $opt{log_statements},
    }, $class;
    copy_template($self->{bin}, $self->{data});
    mkdir $self->{host}, 0750 or die "mkdir $self->{host}: $!";
    spew($self->{log_file}, '');
    if (am_root()) {
        my $uid = getpwnam $USER;
        chown $uid, scalar getgrnam($HTTPD_USER), $self->{host};
        chown $uid, -1, $self->{log_file};
    }
    $self->configure(%opt);
    return $self->start_again;
}

# The newest server of Debian's packages, else the one in PATH.
sub installed {
    my @versions = sort { $b <=> $a }
        grep { $_ >= 15 && -x "/usr/lib/postgresql/$_/bin/initdb" }
        map { m{/(\d+)/bin$} ? $1 : () } glob '/usr/lib/postgresql/*/bin';
    return "/usr/lib/postgresql/$versions[0]/bin" if @versions;
    my ($in_path) = grep { -x "$_/initdb" && -x "$_/postgres" } split /:/, $ENV{PATH};
    return $in_path // die "no PostgreSQL 15 or newer: make deps\n";
}

# initdb takes seconds: its result is kept in build/ and copied. Tests that run at once wait for the
# first.
sub copy_template {
    my ($bin, $data) = @_;
    my $build = checkout() . '/build';
    make_path($build);
    my (undef, $version) = run([ "$bin/postgres", '--version' ]);
    my $template = "$build/cluster-" . $version =~ s/[^\w.]+/-/gr =~ s/-$//r . ($> ? '' : '-root');
    open my $lock, '>', "$template.lock" or die "$template.lock: $!";
    flock $lock, LOCK_EX or die "$template.lock: $!";
    if (!-e "$template/PG_VERSION") {
        initdb($bin, scratch('template'), $template);
    }
    close $lock;
    succeed([ 'cp', '-a', $template, $data ]);
    return;
}

sub initdb {
    my ($bin, $folder, $template) = @_;
    my $data = "$folder/data";
    mkdir $data, 0700;
    chown scalar getpwnam($USER), -1, $data if am_root();
    succeed(
        [
            "$bin/initdb", '-D', $data, '-U', $USER, '-A', 'trust', '-E', 'UTF8', '--locale=C',
            '--no-sync'
        ],
        user => $USER
    );
    succeed(
        [ "$bin/postgres", '--single', '-D', $data, 'postgres' ], user => $USER,
        stdin => "create database app\n"
    );
    succeed([ 'cp', '-a', $data, "$template.new" ]);
    rename "$template.new", $template or die "$template: $!";
    return;
}

sub succeed {
    my ($command, @opt) = @_;
    my ($exit, $out, $err) = run($command, @opt);
    die "@$command: exit $exit\n$out$err" if $exit;
    return $out;
}

sub configure {
    my ($self, %opt) = @_;
    my %settings = (
        listen_addresses => '', unix_socket_directories => $self->{host}, max_connections => 100,
        shared_buffers => '32MB', log_line_prefix => '%m [%p] %q%u@%d ',
        log_min_messages => 'warning',
        log_destination => 'stderr', logging_collector => 'off', timezone => 'UTC',
        ($opt{durable} ? () : (fsync => 'off', full_page_writes => 'off')),
        ($opt{log_statements} ? (log_statement => 'all') : ()),
        %{ $opt{settings} // {} },
    );
    open my $conf, '>>', "$self->{data}/postgresql.conf" or die "postgresql.conf: $!";
    print {$conf} map { "$_ = '" . $settings{$_} =~ s/'/''/gr . "'\n" } sort keys %settings;
    close $conf or die "postgresql.conf: $!";
    return;
}

sub host { return $_[0]{host} }
sub pid { return $_[0]{pid} }
sub program { my ($self, $name) = @_; return "$self->{clients}/$name" }
sub version { return int($_[0]->value('show server_version_num') / 10000) }
sub log { return slurp($_[0]{log_file}) }

# --- the server ----------------------------------------------------------------------------------

sub start_again {
    my ($self) = @_;
    $self->{pid} = spawn(
        command => [ "$self->{bin}/postgres", '-D', $self->{data} ],
        user => $USER, log => $self->{log_file}, death_signal => 'INT',
    );
    await { (run([ $self->program('pg_isready'), '-q', '-h', $self->{host} ]))[0] == 0 }
        or die 'PostgreSQL does not start: ' . $self->log;
    return $self;
}

sub stop {
    my ($self, $mode) = @_;
    my $signal = { fast => 'INT', immediate => 'QUIT', smart => 'TERM' }->{ $mode // 'fast' }
        // die "no such mode: $mode";
    my $pid = delete $self->{pid} // return 1;
    return Secsession::Process::stop($pid, $signal);
}

sub restart {
    my ($self, $mode) = @_;
    $self->stop($mode);
    return $self->start_again;
}

sub freeze {
    my ($self) = @_;
    return kill 'STOP', $self->{pid}, descendants($self->{pid});
}

sub thaw {
    my ($self) = @_;
    return kill 'CONT', $self->{pid}, descendants($self->{pid});
}

# --- its contents --------------------------------------------------------------------------------

sub install {
    my ($self) = @_;
    my ($exit, undef, $err) = $self->script(checkout() . '/store/install.sql');
    die "store/install.sql: $err" if $exit;
    $self->psql(<<'SQL');
create role httpd_web login in role secsession_httpd;
create role admin_role login in role secsession_admin;
create role auditor_role login in role secsession_auditor;
SQL
    return $self;
}

sub client {
    my ($self, %opt) = @_;
    my $vars = $opt{vars} // {};
    return (
        $self->program('psql'), '-X', '-w', '-v', 'ON_ERROR_STOP=1', '-h', $self->{host},
        '-U', $opt{user} // $USER, '-d', $opt{db} // 'app',
        map { ('-v', "$_=$vars->{$_}") } sort keys %$vars,
    );
}

sub psql {
    my ($self, $sql, %opt) = @_;
    my ($exit, $out, $err) =
        run([ $self->client(%opt), '-Atq' ], stdin => $sql, timeout => $opt{timeout});
    die "psql: exit $exit: $err" if $exit;
    chomp $out;
    return $out;
}

sub psql_fails {
    my ($self, $sql, %opt) = @_;
    my ($exit, $out, $err) =
        run([ $self->client(%opt), '-Atq' ], stdin => $sql, timeout => $opt{timeout});
    die "psql should have failed, but said: $out" if $exit == 0;
    return $err;
}

sub value {
    my ($self, $sql, %opt) = @_;
    my @lines = split /\n/, $self->psql($sql, %opt);
    die 'not one value: ' . join("\n", @lines) if @lines > 1;
    return $lines[0];
}

sub count { my ($self, $table) = @_; return $self->value("select count(*) from secsession.$table") }

sub of_token {
    my ($self, $columns, $token) = @_;
    my $hash = sha256_hex(substr decode_base64url($token), 0, 32);    # what follows is its tag
    return $self->value(
        "select $columns from secsession.session s join secsession.token t using (session_id)
        where t.token_hash = '\\x$hash'"
    );
}

sub anonymous_token {
    my ($self) = @_;
    my $key = join '', map { chr int rand 256 } 1 .. 32;
    my $hash = sha256_hex($key);
    $self->psql("select secsession.begin_session('\\x$hash', 'localhost', null, null, 1800, 28800,
        '[]')");
    return encode_base64url($key);
}

sub script {
    my ($self, $file, %opt) = @_;
    return run([ $self->client(%opt), '-f', $file ], timeout => $opt{timeout});
}

sub backend_pids {
    my ($self, $user) = @_;
    my $sql = "select pid from pg_stat_activity where usename = :'name' order by pid";
    return split /\n/, $self->psql($sql, vars => { name => $user // 'httpd_web' });
}

sub conninfo {
    my ($self, $user) = @_;
    return "host=$self->{host} dbname=app user=" . ($user // 'httpd_web');
}

# One line of the log per execution: log_statement writes it before the statement runs.
sub statements {
    my ($self, $user, $pattern) = @_;
    die "without log_statements none is counted\n" unless $self->{log_statements};
    $user //= 'httpd_web';
    my @executed = $self->log =~ /\] \Q$user\E\@\S+ LOG:  (?:statement|execute [^:]*): (.*)/g;
    return scalar grep { !$pattern || $_ =~ $pattern } @executed;
}

my $BY_THEMSELVES = qr/heartbeat|sweep|purge|note_uses|under_way|schema_version|announce/;

sub asked_by_requests {
    my ($self) = @_;
    return $self->statements(undef, qr/\bsecsession\.(?!(?:$BY_THEMSELVES)\()\w+\(/);
}

1;
