# What t/71-stress.t's writers did, what its readers saw, and whether the two fit (I1, I4, I8).
#
#   my $verdict = Secsession::Stress::Verdict->new(lease => s, writers => text, readers => text,
#       troubles => [[from, to], ...]);
#   $verdict->late, lost, wrong     lists of sentences, each a violation: accepted after its end and
#                                   the lease; refused
#                                   before its end; somebody else's answer, an odd one, or none at
#                                       all
#   $verdict->counts                { sessions, requests, asked, rolled_back, of each kind … }
#   $verdict->latencies($calm)      from COMMIT's return to the start of the last accepted request,
#                                   sorted, in seconds,
#                                   of sessions that were accepted and then refused; with $calm:
#                                       where nothing was broken
package Secsession::Stress::Verdict;

use strict;
use warnings;

use List::Util qw(max min);

my %READ = (
    token => sub {
        my ($self, $n, @what) = @_;
        @{ $self->{tokens}{$n} }{qw(begin created authenticated)} = @what;
    },
    end => sub {
        my ($self, $n, $kind, $begin, $commit) = @_;
        push @{ $self->{tokens}{$n}{ends} }, { kind => $kind, begin => $begin, commit => $commit };
    },
    rolled => sub {
        my ($self, $n, $kind, $at) = @_;
        push @{ $self->{tokens}{$n}{rolled} }, [ $kind, $at ];
    },
    wide => sub {
        my ($self, $kind, $begin, $commit, $moment) = @_;
        push @{ $self->{wide} },
            { kind => $kind, begin => $begin, commit => $commit, moment => $moment };
    },
    session => sub {
        my ($self, $n, @what) = @_;
        @{ $self->{tokens}{$n} }{qw(accepted refused unavailable last_accepted first_refusal)} =
            @what;
    },
    wrong => sub { my ($self, @words) = @_; push @{ $self->{wrong} }, "session @words" },
    total => sub { my ($self, @what) = @_; @$self{qw(requests broken hung)} = @what },
);

sub new {
    my ($class, %opt) = @_;
    my $self = bless { wide => [], wrong => [], tokens => {}, troubles => [], %opt }, $class;
    for my $line (map { split /\n/ } @opt{qw(writers readers)}) {
        my ($what, @rest) = split / /, $line;
        my $read = $READ{$what} or die "not understood: $line\n";
        $read->($self, @rest);
    }
    $self->settle($self->{tokens}{$_}) for keys %{ $self->{tokens} };
    return $self;
}

# A session that was made while all were revoked may have been met, or not. The others were met for
# certain: by time exactly those that authenticated before the moment.
sub effect {
    my ($wide, $token) = @_;
    if ($wide->{moment}) {
        return $token->{authenticated} < $wide->{moment} ? $wide : ();
    }
    return () if $token->{begin} > $wide->{commit};
    return $token->{created} < $wide->{begin} ? $wide : { %$wide, commit => undef };
}

# Which of the ends was first to be certain, and from when on a refusal is right.
sub settle {
    my ($self, $token) = @_;
    my @ends = (@{ $token->{ends} // [] }, map { effect($_, $token) } @{ $self->{wide} });
    my ($first) = sort { $a->{commit} <=> $b->{commit} } grep { defined $_->{commit} } @ends;
    @$token{qw(kind commit)} = @$first{qw(kind commit)} if $first;
    $token->{may_refuse} = min map { $_->{begin} } @ends;
    return;
}

sub numbers { my ($self) = @_; return sort { $a <=> $b } keys %{ $self->{tokens} } }

sub late {
    my ($self) = @_;
    my @late;
    for my $n ($self->numbers) {
        my $token = $self->{tokens}{$n};
        next if !$token->{accepted} || !defined $token->{commit};
        my $by = $token->{last_accepted} - $token->{commit} - $self->{lease};
        push @late, sprintf 'session %s: accepted %.3f s after its end (%s), beyond the lease',
            $n, $by + $self->{lease}, $token->{kind} if $by > 0;
    }
    return @late;
}

sub lost {
    my ($self) = @_;
    my @lost;
    for my $n ($self->numbers) {
        my $token = $self->{tokens}{$n};
        next if !$token->{refused};
        my $early = ($token->{may_refuse} // 9**9**9) - $token->{first_refusal};
        my $rolled = join ' ', map {
            sprintf ', %s rolled back %.3f s before', $_->[0], $token->{first_refusal} - $_->[1]
            }
            grep { $_->[1] < $token->{first_refusal} } @{ $token->{rolled} // [] };
        push @lost, sprintf 'session %s: refused %.3f s before anybody ended it%s', $n, $early,
            $rolled
            if $early > 0;
    }
    return @lost;
}

sub wrong {
    my ($self) = @_;
    my @wrong = @{ $self->{wrong} };
    push @wrong, "$self->{hung} requests got no answer" if $self->{hung};
    push @wrong, 'the readers did not finish' if !defined $self->{requests};
    push @wrong,
        map { "session $_: the readers lost it" }
        grep { !defined $self->{tokens}{$_}{accepted} } $self->numbers;
    return @wrong;
}

# A login that commits behind its revocation is never accepted.
sub is_asked {
    my ($token) = @_;
    return $token->{refused} && ($token->{accepted} || ($token->{kind} // '') eq 'login_under_way');
}

sub went_on_after {
    my ($token, $rolled) = @_;
    return $token->{accepted} && $token->{last_accepted} > $rolled->[1];
}

sub counts {
    my ($self) = @_;
    my @tokens = values %{ $self->{tokens} };
    my %count = (
        sessions => scalar @tokens, asked => scalar(grep { is_asked($_) } @tokens),
        wide => scalar @{ $self->{wide} }, map { $_ => $self->{$_} // 0 } qw(requests broken),
    );
    $count{kinds}{ $_->{kind} // 'none' }++ for @tokens;
    for my $token (@tokens) {
        $count{rolled_back} += () = @{ $token->{rolled} // [] };
        $count{went_on} += grep { went_on_after($token, $_) } @{ $token->{rolled} // [] };
        $count{$_} += $token->{$_} // 0 for qw(accepted refused unavailable);
    }
    return \%count;
}

sub is_calm {
    my ($self, $token) = @_;
    my ($from, $to) = ($token->{may_refuse}, $token->{commit} + $self->{lease});
    return !grep { $_->[0] < $to && $_->[1] > $from } @{ $self->{troubles} };
}

sub latencies {
    my ($self, $calm) = @_;
    my @tokens = grep { is_asked($_) && defined $_->{commit} } values %{ $self->{tokens} };
    @tokens = grep { $self->is_calm($_) } @tokens if $calm;
    return sort { $a <=> $b } map { max(0, $_->{last_accepted} - $_->{commit}) } @tokens;
}

1;
