# When a password is changed, the sessions that began with the old one end
# (SecSessionCredentialStamp), within a minute and on every server (ASVS 5.0 7.4.3).

use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(scratch slurp spew);

my $users = users_file(scratch('stamped'));
my $more = spew(scratch('more') . '/users',
    "# comment\n\ncarol:" . crypt('secret', '$6$salt') . ":a comment\n");
my $CONFIG = <<"CONFIG";
SecSessionCredentialStamp On
SecSessionMaxPerUser 0
DBDPersist Off
<Location "/login">
    AuthUserFile "$users"
</Location>
<Location "/login-more">
    SetHandler secsession-login
    SecSessionAuthProvider file
    AuthUserFile "$more"
    Require all granted
</Location>
<Location "/login-dbd">
    SetHandler secsession-login
    SecSessionAuthProvider dbd
    AuthDBDUserPWQuery "select password from app.users where name = %s"
    Require all granted
</Location>
<Location "/login-off">
    SetHandler secsession-login
    SecSessionCredentialStamp Off
    AuthUserFile "$users"
    Require all granted
</Location>
CONFIG
my ($postgres, $httpd) = start_servers(children => 2, database => { log_statements => 1 },
    modules => [qw(dbd authn_dbd)], config => $CONFIG);

sub sql { my ($text, %vars) = @_; return $postgres->psql($text, vars => \%vars) }
sub status { return $_[0]->get('/static/page.html')->status }

sql(q{create schema app; create table app.users (name text primary key, password text not null);
    grant usage on schema app to httpd_web; grant select on app.users to httpd_web});
sql(q{insert into app.users values ('dora', :'hash')}, hash => crypt('secret', '$6$salt'));

sub log_in {
    my ($user, $password, $path) = @_;
    my $client = $httpd->client;
    my $response = $client->login($user, $password, path => $path);
    is $response->status, 303, "$user logs in at $path" or diag $response->raw;
    return $client;
}

# As if the last look at the record had been a minute ago.
sub a_minute_later {
    my ($client) = @_;
    sql(
        "update secsession.session set stamp_checked_at = stamp_checked_at - interval '61 s',
            credential_stamp = credential_stamp
        where session_id = :'id'", id => id_of($client)
    );
    sql("select secsession.announce(left(replace(:'id', '-', ''), 16))", id => id_of($client));
    has_heard($postgres);
    return;
}

sub is_out {
    my ($client, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my $id = id_of($client);
    a_minute_later($client);
    is status($client), 401, $name;
    is sql(
        "select event || ': ' || reason from secsession.event where session_id = :'id' order by at "
            . "desc limit 1",
        id => $id),
        'revoked: the record of the user has changed', 'and the audit trail says why';
    return;
}

# As if the file had been written a minute ago, by which its writer is done.
sub long_since {
    my ($file) = @_;
    utime time - 60, time - 60, $file or die "$file: $!";
    return $file;
}
sub written { my ($file, $text) = @_; return long_since(spew($file, $text)) }

sub set_password {
    my ($file, $user, $hash) = @_;
    written("$file.new", slurp($file) =~ s/^\Q$user\E:[^:\n]*/$user:$hash/mr);
    rename "$file.new", $file or die $!;
    return;
}

subtest 'a password file' => sub {    # ASVS 5.0 7.4.2
    my ($alice, $bob) = map { log_in($_, password_of($_), '/login') } qw(alice bob);
    a_minute_later($_) for $alice, $bob;
    is status($_), 200, 'nothing has changed, nothing happens' for $alice, $bob;
    my $carol = log_in('carol', 'secret', '/login-more');
    my $unstamped = log_in('alice', password_of('alice'), '/login-off');
    set_password($users, 'alice', '$2y$04$' . 'x' x 53);
    is status($alice), 200, 'a request a second later does not look at the file';
    is_out($alice, 'a minute later the session of who has another password is over');
    a_minute_later($_) for $bob, $carol;
    is status($_), 200, 'others go on' for $bob, $carol;
    is status($unstamped), 200, 'so does a session that was not stamped';
    set_password($more, 'carol', crypt('secret', '$6$other'));
    is_out($carol, 'the same password, set anew, is another record');
    my $again = log_in('carol', 'secret', '/login-more');
    written($more, slurp($more) =~ s/:a comment/:another/r);
    a_minute_later($again);
    is status($again), 200, 'a comment behind the hash is none';
    written($more, slurp($more) =~ s/^carol/#carol/mr);
    is_out($again, 'a user who is gone is out');
    rename $users, "$users.away" or die $!;
    a_minute_later($bob);
    is status($bob), 200, 'where the file cannot be read nobody is logged out';
    like $httpd->error_log,
        qr/SS229: .* cannot read the record of user bob \(AuthUserFile \Q$users\E\)/,
        'and the log says so';
    rename "$users.away", $users or die $!;
};

# htpasswd empties the file and writes it anew, whoever's line is changed.
subtest 'a file that is being written' => sub {
    my $whole = slurp($users);
    my @users = map { log_in($_, password_of($_), '/login') } qw(bob bob);
    my %half = (
        'empty' => '', 'the first half' => substr($whole, 0, index $whole, 'bob:'),
        'half a line' => substr($whole, 0, 10 + index $whole, 'bob:')
    );
    for my $name (sort keys %half) {
        spew($users, $half{$name});
        a_minute_later($_) for @users;
        is status($_), 200, "$name: logs nobody out" for @users;
    }
    like $httpd->error_log, qr/SS229: .* user bob \(AuthUserFile \Q$users\E\) with certainty/,
        'and the log says so';
    written($users, '');
    a_minute_later($users[0]);
    is status($users[0]), 200, 'a file that stays empty is broken';
    written($users, $whole);
    a_minute_later($users[0]);
    is status($users[0]), 200, 'a whole one is as before';
    spew($users, $half{'the first half'});
    long_since($users);
    is_out($users[0], 'who is not in it when it has been written is out');
    written($users, $whole);
};

subtest 'a table' => sub {
    my $dora = log_in('dora', 'secret', '/login-dbd');
    a_minute_later($dora);
    is status($dora), 200, 'nothing has changed';
    sql(q{update app.users set password = :'hash'}, hash => crypt('other', '$6$salt'));
    is_out($dora, 'a changed row ends the session');
    my $again = log_in('dora', 'other', '/login-dbd');
    sql('delete from app.users');
    is_out($again, 'a deleted one, too');
};

subtest 'what it costs' => sub {
    my $bob = log_in('bob', password_of('bob'), '/login');
    status($bob);
    my $before = $postgres->statements('httpd_web', qr/lookup/);
    status($bob) for 1 .. 50;
    is $postgres->statements('httpd_web', qr/lookup/), $before, 'within a minute no statement';
    my $stamp = sql("select credential_stamp from secsession.session where session_id = :'id'",
        id => id_of($bob));
    unlike $stamp, qr/\Q@{[ unpack 'H*', '$2y$' ]}\E/,
        'what is kept is not the hash of the password';
    a_minute_later($bob);
    my $twin = $bob->clone;
    is_deeply [ map { status($_) } $bob, $twin ], [ 200, 200 ],
        'after it one request looks at the record';
    cmp_ok sql(
        "select extract(epoch from now() - stamp_checked_at) from secsession.session where "
            . "session_id = :'id'",
        id => id_of($bob)), '<', 60,
        'and writes down that it did';
};

subtest 'a login while the password changes' => sub {
    my $hash = (slurp($users) =~ /^bob:([^:\n]*)/m)[0];
    my $bob = log_in('bob', password_of('bob'), '/login');
    my $id = id_of($bob);
    is $bob->login('bob', password_of('bob'))->status, 303, 'who logs in again';
    set_password($users, 'bob', crypt(password_of('bob'), '$6$new'));
    is $bob->login('bob', password_of('bob'))->status, 303, 'also with a record that is new';
    a_minute_later($bob);
    is status($bob), 200, 'has the new stamp';
    is id_of($bob), $id, 'in the same session';
};

done_testing;
