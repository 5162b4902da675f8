# The psql scripts in store/admin: what they print, when they refuse, and that no argument is ever
# run as SQL.
use lib 't/lib';
use Secsession::Test;
use Secsession::Process qw(checkout run scratch);

my $postgres = Secsession::Postgres->start->install;
my $folder = scratch('touched');
my %reason = (reason => 'left the company');

sub sql { return $postgres->psql(@_) }

# As an administrator types it: psql [-v name=value]... -f script
sub admin {
    my ($script, %vars) = @_;
    my ($exit, $out, $err) =
        $postgres->script(checkout() . "/store/admin/$script.sql", user => 'admin_role',
        vars => \%vars);
    return ($exit, $out, $err);
}

sub login {
    my ($user, %opt) = @_;
    my ($realm, $address, $token) =
        ($opt{realm} // 'r', $opt{address} // '192.0.2.1', join ' ', $user, %opt);
    $postgres->psql(
        "select state from secsession.authenticate(row(sha256(convert_to(:'token', 'UTF8')), null,
            :'realm', :'user', 'form',
            secsession.login_moment(), :'address', 'Browser', 1000,
            2000)::secsession.login)",
        user => 'httpd_web',
        vars => { token => $token, realm => $realm, user => $user, address => $address }
    );
    return;
}
sub live { return sql('select count(*) from secsession.active_session') }

sub ends {
    my ($count, $script, $vars, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    my ($exit, $out, $err) = admin($script, %$vars);
    return is "$exit: $out$err", "0: sessions ended: $count\n", $name;
}

subtest 'what each one does' => sub {    # ASVS 5.0 7.4.5
    login('alice', realm => $_) for qw(r q);
    login('bob', address => '198.51.100.7');
    login($_) for qw(carol dora);
    like + (admin('list'))[1], qr/alice.*alice.*bob.*carol.*\(5 rows\)/s, 'list shows everybody';
    like + (admin('list', user => 'alice'))[1], qr/\(2 rows\)/, 'or a user';
    like + (admin('list', user => 'alice', realm => 'q'))[1], qr/ q .*alice.*\(1 row\)/s,
        'or a user in a realm';

    my $carol = sql("select session_id from secsession.session where user_name = 'carol'");
    ends(1, 'revoke-session', { session => $carol, %reason }, 'revoke-session ends one');
    ends(0, 'revoke-session', { session => $carol, %reason }, 'once');
    ends(1, 'revoke-user', { user => 'alice', realm => 'q', %reason },
        'revoke-user ends those of a user in a realm');
    ends(1, 'revoke-user', { user => 'alice', %reason }, 'or in all');
    ends(1, 'revoke-address', { address => '198.51.100.0/24', %reason },
        'revoke-address ends those of a network');
    ends(0, 'revoke-before', { moment => 'yesterday', %reason },
        'revoke-before spares what came later');
    ends(1, 'revoke-before', { moment => 'now', %reason }, 'and ends what came before');
    login($_) for qw(alice bob);
    login('eve', realm => 'q');
    ends(1, 'revoke-all', { realm => 'q', %reason }, 'revoke-all ends a realm');
    ends(2, 'revoke-all', \%reason, 'or everything');
    is live(), 0, 'nobody is left';
    is_deeply [ admin('allow-user', user => 'alice', %reason) ], [ 0, "credentials allowed: 0\n", '' ],
        'allow-user allows credentials that were refused, of which there are none here';

    my (undef, $audit) = admin('audit', user => 'alice');
    like $audit, qr/authenticated.*revoked .*admin_role \| left the company/s,
        'audit tells the story of a user';
    unlike $audit, qr/bob/, 'and of no other';
    like + (admin('audit', limit => 1))[1], qr/\(1 row\)/, 'or the last so many';
    like + (admin('audit', since => 'tomorrow'))[1], qr/\(0 rows\)/, 'or since a moment';
    like + (admin('audit', realm => 'q'))[1], qr/eve/, 'or in a realm';
    like + ($postgres->script(checkout() . '/store/admin/audit.sql', user => 'auditor_role'))[1],
        qr/revoked/,
        'an auditor may run it';

    sql("update secsession.session set expires_at = now() where user_name in ('alice', 'eve')");
    is_deeply [ admin('purge', batch => 1) ],
        [ 0, "removed (sessions, or tens of events): 1\n", '' ], 'purge removes a batch';
    like + (admin('purge'))[1], qr/removed .*: [1-9]/, 'and the rest';
};

subtest 'what is missing' => sub {
    my %needs = (
        'revoke-session' => { session => '3f0c4b1e-0000-4000-8000-000000000000' },
        'revoke-user' => { user => 'frank' },
        'revoke-address' => { address => '192.0.2.1' }, 'revoke-before' => { moment => 'now' },
        'revoke-all' => {}, 'allow-user' => { user => 'frank' },
    );
    login('frank');
    for my $script (sort keys %needs) {
        my %all = (%{ $needs{$script} }, %reason);
        for my $missing (sort keys %all) {
            my %vars = %all;
            delete $vars{$missing};
            my ($exit, $out, $err) = admin($script, %vars);
            is "$exit $out", '3 ', "$script without $missing fails";
            like $err, qr/^usage: psql -d DATABASE .*-v $missing=\S+ .*-f $script\.sql$/m,
                'and says how it is used';
            my ($empty) = admin($script, %vars, $missing => '');
            is $empty, 3, "$script with an empty $missing fails";
        }
    }
    is + (admin('revoke-user', user => 'frank', realm => '', %reason))[0], 3,
        'an empty realm is not every realm';
    is + (admin('revoke-session', session => 'no uuid', %reason))[0], 3,
        'a session that is none fails';
    is + (admin('revoke-address', address => '300.1.1.1', %reason))[0], 3,
        'an address that is none fails';
    is + (admin('revoke-before', moment => 'soon', %reason))[0], 3, 'a moment that is none fails';
    is + (admin('audit', limit => 'x'))[0], 3, 'a limit that is none fails';
    is live(), 1, 'none of this ended a session';
    my ($exit) =
        $postgres->script(checkout() . '/store/admin/revoke-all.sql', user => 'auditor_role',
        vars => \%reason);
    is $exit, 3, 'an auditor cannot revoke';

    my ($psql, @options) = $postgres->client(user => 'admin_role',
        vars => { AUTOCOMMIT => 'off', user => 'frank', %reason });
    my @strict = grep { $_ ne 'ON_ERROR_STOP=1' } @options;
    @strict = map { $_ eq '-v' ? () : /=/ ? ('-v', $_) : $_ } @strict;
    my @result = run([ $psql, @strict, '-f', checkout() . '/store/admin/revoke-user.sql' ]);
    is $result[1], "sessions ended: 1\n", 'whatever an administrator has in ~/.psqlrc'
        or diag $result[2];
    is live(), 0, 'what is said to have ended has ended';
};

subtest 'hostile values' => sub {
    my %hostile = (
        'a quote' => q(o'hara), 'two quotes' => q(''),
        'a statement' => q('; drop table secsession.session; --),
        'a backslash' => q(a\\), 'a backslash and a quote' => q(\'; select 1; --),
        'an escape' => q(\047 or true --),
        'a psql command' => "\\! touch $folder/a", 'one after a line' => "x\n\\! touch $folder/b",
        'a backquoted one' => "`touch $folder/c`",
        'a variable' => q(:'reason'), 'a dollar quote' => q($$; drop table secsession.session; $$),
        'a format' => '%s %I %n',
        'a pattern' => '%', 'a long text' => 'x' x 200,
        'other letters' => "\xd0\x96\xf0\x9f\x94\x91", 'a comment' => '/* x',
    );
    for my $what (sort keys %hostile) {
        my $value = $hostile{$what};
        my $name = $value =~ s/\n/ /r;
        login($_) for $name, 'bystander';
        like + (admin('list', user => $name))[1], qr/\(1 row\)/,
            "list finds the user whose name is $what";
        ends(1, 'revoke-user', { user => $name, reason => $value },
            'revoke-user ends that session');
        is sql(
            "select count(*) from secsession.event where event = 'revoked' and user_name = :'name' "
                . "and reason = :'value'",
            vars => { name => $name, value => $value }
            ),
            1, 'the trail has both, as they are';
        is + (admin('audit', user => $name, realm => $value))[0], 0, 'audit takes it';
        is + (admin($_->[0], $_->[1] => $value, %reason))[0], 3, "$_->[0] refuses it"
            for [ 'revoke-session', 'session' ], [ 'revoke-address', 'address' ],
            [ 'revoke-before', 'moment' ], [ 'audit', 'since' ], [ 'purge', 'batch' ];
        ends(0, 'revoke-all', { realm => $value, %reason }, 'a realm of that name has no session');
    }
    for my $bytes ("\xc0'; drop table secsession.session; --", "\xff", "a\xe9\\! touch $folder/d",
        "\xf0\x28\x8c'; select 1; --")
    {
        for my $script ('revoke-user', 'list', 'audit') {
            my ($exit, $out) = admin($script, user => $bytes, %reason);
            is "$exit $out", '3 ', "$script refuses bytes that are no text";
        }
        is +(admin('revoke-all', reason => $bytes))[0], 3, 'so does a reason';
    }
    is live(), 1, 'the bystander is still there';
    is_deeply [ glob "$folder/*" ], [], 'no program ran';
};

done_testing;
