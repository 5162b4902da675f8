# A private httpd for one test: a real daemon with several children, in its own folder, on a free
# port of 127.0.0.1. As root its children run as www-data.
#
#   my $httpd = Secsession::Httpd->start(%opt);       new() makes the folder and the configuration
#                                                     only
#       postgres => $postgres     DBDriver and DBDParams; dbd_user (httpd_web), dbd_params => 'more
#                                 words'
#       mpm => 'event'            else TEST_MPM, else event; children => n, threads => n (of each
#                                 child)
#       modules => [qw(proxy)]    more modules, by the names of their files; without => [...] fewer
#       shuffle => $seed          the LoadModule lines in another order
#       config => $text           appended to the main server
#       vhosts => $text           appended after everything; @PORT@ and @FOLDER@ are filled in in
#                                 both
#       files => { 'pub/a.txt' => $text }   below the document root
#       cgi => { name => $perl }  more programs in cgi-bin, beside show and slow
#       log_level => 'info'
#       module => 0               without mod_secsession
#       crashes => 1              a child that ends by a signal does not fail the test
#   $httpd->port, url($path), folder, document_root, client(%opt)
#   $httpd->get, post, request    of a client that has no memory
#   $httpd->graceful, restart, stop, launch     the first two return when the new children are there
#   $httpd->reconfigure($text)    replaces config => $text; takes effect with graceful or restart
#   $httpd->configtest($text)     (ok, stderr) of httpd -t with $text added to the main server
#   $httpd->error_log, access_log, parent_pid, child_pids, memory (KiB, proportional, of all
#       children)
#   $httpd->slow_started($name), let_go($name)    see cgi/slow in Secsession::Programs
package Secsession::Httpd;

use strict;
use warnings;

use File::Basename 'dirname';
use File::Path 'make_path';
use List::Util qw(shuffle sum0);
use Secsession::Client;
use Secsession::Process
    qw(scratch spawn run await at_end free_port slurp spew checkout am_root is_alive);
use Secsession::Programs;
use Test::Builder;

my $USER = 'www-data';
my @MODULES = qw(
    access_compat alias auth_basic authn_core authn_file authz_core authz_host authz_user
    dbd dir env headers log_config logio mime reqtimeout rewrite setenvif unixd watchdog
);
my @started;
my $installation;

sub start {
    my ($class, %opt) = @_;
    return $class->new(%opt)->launch;
}

sub new {
    my ($class, %opt) = @_;
    my $self = bless { %opt, folder => scratch('httpd'), port => free_port() }, $class;
    $self->{mpm} //= $ENV{TEST_MPM} || 'event';
    make_path(map { "$self->{folder}/$_" } qw(htdocs cgi-bin logs run state sanitizer));
    if (am_root()) {
        chown scalar getpwnam($USER), -1, map { "$self->{folder}/$_" } qw(state sanitizer);
    }
    $self->{files}{'ready.txt'} //= "ready\n";
    for my $name (keys %{ $self->{files} }) {
        make_path(dirname("$self->{folder}/htdocs/$name"));
        spew("$self->{folder}/htdocs/$name", $self->{files}{$name});
    }
    Secsession::Programs::write_all("$self->{folder}/cgi-bin", "$self->{folder}/state",
        $self->{cgi} // {});
    $self->write_config;
    push @started, $self;
    return $self;
}

# --- the configuration ---------------------------------------------------------------------------

# apxs knows where httpd and its modules are; APXS chooses another httpd than the system's.
sub installation {
    return $installation //= do {
        my ($apxs) = grep { -x } $ENV{APXS} // (), map { ("$_/apxs2", "$_/apxs") } split /:/,
            $ENV{PATH};
        die "no apxs: make deps\n" unless $apxs;
        my %found = map { $_ => (run([ $apxs, '-q', $_ ]))[1] =~ s/\s+\z//r }
            qw(LIBEXECDIR SBINDIR PROGNAME);
        my $program = "$found{SBINDIR}/$found{PROGNAME}";
        my (undef, $compiled_in) = run([ $program, '-l' ]);
        { program => $program, modules => $found{LIBEXECDIR},
            built_in => { map { $_ => 1 } $compiled_in =~ /^\s+(?:mod_)?(\w+)\.c$/mg } };
    };
}

sub module_path { return $ENV{SECSESSION_MODULE} || checkout() . '/build/mod_secsession.so' }

sub modules {
    my ($self) = @_;
    my $place = installation();
    my %without = map { $_ => 1 } @{ $self->{without} // [] };
    my %wanted = map { $_ => 1 } @MODULES, @{ $self->{modules} // [] }, $self->cgi_module,
        "mpm_$self->{mpm}";
    my @found =
        grep { !$without{$_} && !$place->{built_in}{$_} && -e "$place->{modules}/mod_$_.so" }
        sort keys %wanted;
    my @lines = map { "LoadModule ${_}_module $place->{modules}/mod_$_.so" } @found;
    push @lines, 'LoadModule secsession_module ' . module_path() if $self->with_module;
    if (defined $self->{shuffle}) {
        srand $self->{shuffle};
        @lines = shuffle(@lines);
    }
    # These link against mod_proxy and mod_session, and httpd cannot load them before those.
    my @after = grep { /mod_(?:proxy_|session_)/ } @lines;
    return join "\n", (grep { !/mod_(?:proxy_|session_)/ } @lines), @after;
}

sub with_module { return ($_[0]{module} // 1) && -e module_path() }
sub cgi_module { return $_[0]{mpm} eq 'prefork' ? 'cgi' : 'cgid' }

# Under prefork a child has one "thread": as many requests at once are served as under the others.
sub processes {
    my ($self) = @_;
    my $children = $self->{children} // 2;
    my ($threads, $limit) = ($self->{threads} // 8, $children + 2);
    return <<"CONFIG" if $self->{mpm} eq 'prefork';
StartServers        @{[ $self->{children} // 4 ]}
MinSpareServers     $children
MaxSpareServers     @{[ $children * $threads ]}
MaxRequestWorkers   @{[ $children * $threads ]}
CONFIG
    return <<"CONFIG";
StartServers        $children
ServerLimit         $limit
ThreadsPerChild     $threads
MinSpareThreads     @{[ $children * $threads ]}
MaxSpareThreads     @{[ $limit * $threads ]}
MaxRequestWorkers   @{[ $limit * $threads ]}
CONFIG
}

sub database {
    my ($self) = @_;
    my $postgres = $self->{postgres} or return '';
    my $conninfo = join ' ', $postgres->conninfo($self->{dbd_user}), $self->{dbd_params} // ();
    return qq{DBDriver pgsql\nDBDParams "$conninfo"\n};
}

sub write_config {
    my ($self) = @_;
    my $folder = $self->{folder};
    my $identity = am_root() ? "User $USER\nGroup $USER\n" : '';
    my $script_socket = $self->cgi_module eq 'cgid' ? "ScriptSock $folder/run/cgid.sock\n" : '';
    my $main = join "\n", $self->modules,
        <<"CONFIG", $self->processes, $self->database, $self->{config} // '';
ServerRoot          "$folder"
ServerName          localhost
Listen              127.0.0.1:$self->{port}
${identity}PidFile             "$folder/run/httpd.pid"
DefaultRuntimeDir   "$folder/run"
${script_socket}ErrorLog            "$folder/logs/error.log"
LogLevel            @{[ $self->{log_level} // 'info' ]}
LogFormat           "%h %u \\"%r\\" %>s %O \\"%{Referer}i\\" \\"%{User-Agent}i\\"" test
CustomLog           "$folder/logs/access.log" test
DocumentRoot        "$folder/htdocs"
TypesConfig         /dev/null
AddType             text/plain .txt
AddType             text/html .html
KeepAlive           On
KeepAliveTimeout    15
Timeout             30
<Directory "/">
    AllowOverride None
    Require all denied
</Directory>
<Directory "$folder/htdocs">
    Require all granted
</Directory>
<Directory "$folder/cgi-bin">
    Require all granted
</Directory>
CONFIG
    $self->{main} = $self->fill_in($main);
    spew("$folder/httpd.conf", $self->{main} . "\n" . $self->fill_in($self->{vhosts} // '') . "\n");
    return;
}

sub fill_in {
    my ($self, $text) = @_;
    my %value = (PORT => $self->{port}, FOLDER => $self->{folder});
    return $text =~ s/\@(PORT|FOLDER)\@/$value{$1}/gr;
}

sub reconfigure {
    my ($self, $text) = @_;
    $self->{config} = $text;
    return $self->write_config;
}

sub configtest {
    my ($self, $text) = @_;
    my $file =
        spew("$self->{folder}/configtest.conf", "$self->{main}\n" . $self->fill_in($text) . "\n");
    my ($exit, $out, $err) =
        run([ installation()->{program}, '-t', '-f', $file ], env => $self->environment);
    return ($exit == 0, $out . $err);
}

# --- the daemon ----------------------------------------------------------------------------------

# The module of check-asan needs the sanitizer's runtime before anything else is loaded.
sub environment {
    my ($self) = @_;
    return {} unless $ENV{SECSESSION_ASAN};
    my (undef, $runtime) = run([ $ENV{CC} || 'cc', '-print-file-name=libasan.so' ]);
    chomp $runtime;
    my $report = "$self->{folder}/sanitizer/report";
    return {
        LD_PRELOAD => $runtime,
        ASAN_OPTIONS => "detect_leaks=0:abort_on_error=1:log_path=$report",
        UBSAN_OPTIONS => "print_stacktrace=1:halt_on_error=1:abort_on_error=1:log_path=$report",
    };
}

sub launch {
    my ($self) = @_;
    for (1 .. 5) {
        $self->{pid} = spawn(
            command =>
                [ installation()->{program}, '-f', "$self->{folder}/httpd.conf", '-DFOREGROUND' ],
            log => "$self->{folder}/logs/stderr.log", env => $self->environment,
        );
        await { $self->answers || !is_alive($self->{pid}) };
        return $self if is_alive($self->{pid}) && $self->answers;
        $self->stop;
        last unless $self->said =~ /could not bind/;
        $self->{port} = free_port();    # somebody else was faster
        $self->write_config;
    }
    die "httpd does not start:\n" . $self->said;
}

sub said { return slurp("$_[0]{folder}/logs/stderr.log") . $_[0]->error_log }
sub answers { return !!eval { $_[0]->client(timeout => 5)->get('/ready.txt') } }

sub stop {
    my ($self) = @_;
    my $pid = delete $self->{pid} // return 1;
    $self->let_connections_close;
    return Secsession::Process::stop($pid, 'TERM');
}

sub graceful { return $_[0]->signal_and_wait('USR1') }
sub restart { return $_[0]->signal_and_wait('HUP') }

sub signal_and_wait {
    my ($self, $signal) = @_;
    my $ready = qr/AH00(?:163|292|489): .* resuming normal operations/;
    my $before = () = $self->error_log =~ /$ready/g;
    $self->let_connections_close;
    kill $signal, $self->{pid};
    await { (() = $self->error_log =~ /$ready/g) > $before && $self->answers }
        or die "httpd did not come back after SIG$signal:\n" . $self->said;
    return $self;
}

# A child of the event MPM that is told to end closes the sockets of its workers. It reads them
# while a worker may be freeing one (close_worker_sockets() in httpd's event.c), and rarely crashes.
# A test that has closed its connections therefore waits until httpd has closed them, too.
sub let_connections_close {
    my ($self) = @_;
    my %is_settled = map { $_ => 1 } qw(01 06 0A);    # ESTABLISHED, TIME_WAIT, LISTEN
    await { !grep { !$is_settled{ $_->[3] } } $self->sockets } 1;
    return;
}

# --- what a test asks ----------------------------------------------------------------------------

sub port { return $_[0]{port} }
sub folder { return $_[0]{folder} }
sub mpm { return $_[0]{mpm} }
sub document_root { return "$_[0]{folder}/htdocs" }
sub parent_pid { return $_[0]{pid} }
sub url { return "http://localhost:$_[0]{port}" . ($_[1] // '/') }
sub error_log { return slurp("$_[0]{folder}/logs/error.log") }
sub access_log { return slurp("$_[0]{folder}/logs/access.log") }

sub client {
    my ($self, %opt) = @_;
    return Secsession::Client->new(port => $self->{port}, %opt);
}

sub get { my ($self, @what) = @_; return $self->client->get(@what) }
sub post { my ($self, @what) = @_; return $self->client->post(@what) }
sub request { my ($self, @what) = @_; return $self->client->request(@what) }

# The children that serve requests: those that hold the listening socket (mod_cgid's daemon does
# not).
sub child_pids {
    my ($self) = @_;
    my ($inode) = map { $_->[9] } grep { $_->[3] eq '0A' } $self->sockets;
    my @children = map { split ' ', slurp($_) } glob "/proc/$self->{pid}/task/*/children";
    return grep { holds_socket($_, $inode // 0) } @children;
}

# This httpd's ends, as the fields of /proc/net/tcp.
sub sockets {
    my ($self) = @_;
    my $address = sprintf '0100007F:%04X', $self->{port};
    return grep { @$_ > 9 && $_->[1] eq $address } map { [split] } split /\n/,
        slurp('/proc/net/tcp');
}

sub holds_socket {
    my ($pid, $inode) = @_;
    return scalar grep { (readlink($_) // '') eq "socket:[$inode]" } glob "/proc/$pid/fd/*";
}

sub memory {
    my ($self) = @_;
    return sum0(map { slurp("/proc/$_/smaps_rollup") =~ /^Pss:\s+(\d+)/m ? $1 : 0 }
            $self->child_pids);
}

sub slow_started {
    my ($self, $name) = @_;
    return await { -e "$self->{folder}/state/$name.started" };
}
sub let_go { my ($self, $name) = @_; return spew("$self->{folder}/state/$name.go", '') }

# --- what fails a test that said nothing ---------------------------------------------------------

sub complaints {
    my ($self) = @_;
    my @found = map { "sanitizer report:\n" . slurp($_) } glob "$self->{folder}/sanitizer/report*";
    my $said = $self->said;
    push @found, "sanitizer report: $1"
        while $said =~ /^(.*(?:: runtime error: |ERROR: AddressSanitizer).*)$/mg;
    if (!$self->{crashes}) {
        push @found, "a child crashed: $1" while $said =~ /^(.*exit signal.*)$/mg;
    }
    return @found;
}

sub tail {
    my ($self) = @_;
    my @lines = split /\n/, $self->said;
    splice @lines, 0, @lines - 30 if @lines > 30;
    return join "\n", "the end of httpd's error log:", @lines, '';
}

at_end {
    my $failed = $? || !Test::Builder->new->is_passing;
    my @shown = grep { $_->{pid} || $_ == $started[-1] } @started;
    my @stuck = map { $_->stop ? () : 'httpd did not stop when it was asked to' } @started;
    my @complaints = (@stuck, map { $_->complaints } @started);
    if ($failed || @complaints) {
        print STDERR map { "# $_\n" } map { split /\n/, $_->tail } @shown;
    }
    return @complaints;
};

1;
