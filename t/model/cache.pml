/* The cache, the feed and the lease as a model for SPIN: every order in which the steps of a feed,
 * of the one that takes over, of a revocation, of fillers and of a reader can follow each other,
 * with time passing and the connection breaking between any two. Names are those of the C code.
 * Each BREAK_... takes one rule away, and t/70-model.t expects SPIN to notice; what has a
 * witness(...) must happen in the whole model, or that would show nothing. More in README.md. */

/* How far a search goes. KIND, LATE, WORDS, OTHERS and SLOTS choose what it is about; see below. */
#ifndef LEASE
#define LEASE 2
#endif
#ifndef MAX_TIME
#define MAX_TIME 4
#endif
#ifndef MAX_LOSSES
#define MAX_LOSSES 1
#endif
#ifndef FILLERS
#define FILLERS 1
#endif

/* With WORDS a slot is written and read word by word, otherwise at once. */
#ifdef WORDS
#define whole
#else
#define whole atomic
#endif

/* The reader's token, and another one that belongs in the same slot. 0: never written. */
#define MINE 1
#define OTHER 2

/* The two keys of MINE: where its session id and its user name point to in floors[]. */
#define SESSION_KEY 0
#define USER_KEY 1
#define KEYS 2

#define NEVER 255

/* Shared memory. */
byte lease_until;
byte generation;
byte floor_all;
byte floors[KEYS];
typedef slot_t {
    byte sequence;
    byte hash;
    byte keys;       /* whose keys these are */
    byte generation;
    byte data        /* whose data these are, and of which filling */
};
slot_t slot;

#define data_of(token, g) ((g) * 4 + (token))

/* The machine. The lock is feed 0's first: that one of the two comes first is all that matters. */
byte clock;
#ifdef BREAK_FEED_LOCK
bool feed_locked;
#else
bool feed_locked = true;
#endif

/* The database: MINE's row, its revocation, whether the next heartbeat tells of that, and what
 * NOTIFY has still to say on each feed's connection. */
#define SESSION 1
#define USER 2
#define ALL 3
#define LOGOUT 4
byte kind;
bool logged_in;
bool revoked;
#if defined BREAK_CHANGE_NOT_EARLIER || defined BREAK_CHANGE_NOT_LATER
bool told;
#else
#define told revoked
#endif
byte returned_at = NEVER;
bool listening[2];
bool queued[2];

/* Nothing decides by these: they are for the promises, the witnesses and the end of the search. */
bool ended_here;
bool asked;
bool answered;

#ifndef LATE
byte connections;
byte lease_from;
bool lease_by_second;
#endif

#ifdef LATE
#define connected(me) listening[me] = true
#define extended(me)
#else
#define connected(me) atomic { listening[me] = true; connections++ }
#define extended(me) lease_from = connections; lease_by_second = me
#endif

/* Nothing depends on it: it may also wait for ever, as if it had never been sent. */
#ifdef SILENT
#define notify() skip
#else
#define notify() queued[0] = listening[0]; queued[1] = listening[1]
#endif

#define is_late() (ended_here || (returned_at != NEVER && clock >= returned_at + LEASE))

#ifdef WITNESS
mtype = {
    TAKEOVER, BETWEEN_HEARTBEATS, BEFORE_THE_ANSWER, NEWS, NO_ANSWER, STOP, LEASE_RUNS, LEASE_OVER,
    ODD, CHANGED, ANOTHER_TOKEN, BY_FLOOR_ALL, BY_SESSION_KEY, BY_USER_KEY, HIT, HIT_CONNECTED_AGAIN,
    HIT_AFTER_TAKEOVER, HIT_WITHIN_LEASE
};
#define witness(what) assert(WITNESS != what);
#else
#define witness(what)
#endif

/* In C too these two are atomic: fetch and add; compare and swap until the floor is no lower. */
inline count_up(g)
{
    d_step { generation++; g = generation }
}

inline raise(floor, g)
{
#ifdef BREAK_RAISE_ONLY
    floor = g
#else
    d_step {
        if
        :: floor < g -> floor = g
        :: else
        fi
    }
#endif
}

#ifdef RAISE_FLOOR_ALL
#define raise_all(g) atomic { if :: floor_all < g -> floor_all = g :: else fi }
#else
#define raise_all(g) floor_all = g
#endif

proctype time_passes()
{
    do
    :: clock < MAX_TIME -> clock++
    :: else -> break
#ifdef BREAK_MONOTONIC_CLOCK
    :: clock == 2 && returned_at == NEVER -> clock = 0
#endif
    od
}

/* The login of MINE commits before or after a revocation, but it began before, and so could not see
 * it. */
proctype login()
{
    logged_in = true
}

/* The transaction that ends MINE: this session, all of its user, all there are; or a logout, by a
 * worker. Where it is rolled back, it is as if this process did nothing. */
proctype revocation()
{
    byte g;

#ifdef BREAK_OWN_STEP_AFTER_COMMIT
    count_up(g);
    raise(floors[SESSION_KEY], g);
#endif
    atomic {
#ifdef KIND
        (logged_in || KIND == USER) -> kind = KIND;
#else
        if
        :: logged_in -> kind = SESSION
        :: kind = USER
        :: kind = ALL
        :: logged_in -> kind = LOGOUT
        fi;
#endif
#if defined BREAK_CHANGE_NOT_EARLIER
        told = true
    };
    revoked = true;
#elif defined BREAK_LOGIN_SEEN
        revoked = logged_in;
        notify()
    };
#else
        revoked = true;
        notify()
    };
#endif
    returned_at = clock;
#ifdef BREAK_CHANGE_NOT_LATER
    told = true;
#endif
    if
    :: kind == LOGOUT ->
#if defined BREAK_OWN_STEP_BY_SESSION
        /* By what the slot of the token says that was presented, which may be in its grace. */
        if
        :: slot.hash == MINE && slot.sequence % 2 == 0 -> count_up(g); raise(floors[SESSION_KEY], g)
        :: true
        fi;
#elif !defined BREAK_OWN_STEP && !defined BREAK_OWN_STEP_AFTER_COMMIT
        count_up(g);
        raise(floors[SESSION_KEY], g);
#endif
        ended_here = true
    :: else
    fi
}

/* A worker that ends another session, whose key happens to share MINE's floor. */
proctype other_logout()
{
    byte g;

    count_up(g);
    raise(floors[SESSION_KEY], g)
}

/* The connection breaks, and what it had still to say is lost. The feed learns it when it reads. */
proctype network()
{
    byte losses;

    do
    :: losses < MAX_LOSSES ->
        atomic {
            if
            :: listening[0] -> listening[0] = false; queued[0] = false
            :: listening[1] -> listening[1] = false; queued[1] = false
            fi;
            losses++
        }
    :: else -> break
    od
}

/* Any step of the first feed may be its last. The second one's death, with nobody to follow, is as
 * if it did nothing more, which is in every search anyway. */
#define or_die :: me == 0 -> goto died

inline handle(me, g)
{
    if :: queued[me] = false or_die fi;
    obey(me, g)
}

inline obey(me, g)
{
#ifdef BREAK_COUNT_UP
    if :: g = generation or_die fi;
#else
    if :: count_up(g) or_die fi;
#endif
    if
#if defined BREAK_FLOOR
    :: true
#elif defined BREAK_FLOOR_NOT_BLANK
    :: atomic { slot.hash == MINE && slot.sequence % 2 == 0 -> slot.hash = 0 }
    :: atomic { !(slot.hash == MINE && slot.sequence % 2 == 0) -> skip }
#else
    :: kind == SESSION || kind == LOGOUT -> raise(floors[SESSION_KEY], g)
    :: kind == USER -> raise(floors[USER_KEY], g)
    :: kind == ALL -> raise_all(g)
#endif
    or_die
    fi;
    g = 0
}

inline empty_cache(me, g)
{
    if :: count_up(g) or_die fi;
    if :: raise_all(g) or_die fi;
    g = 0
}

inline extend_lease(me, begin)
{
    atomic {
        if
#ifdef BREAK_LEASE_FROM_BEGIN
        :: lease_until < clock + LEASE -> lease_until = clock + LEASE; extended(me)
#else
        :: lease_until < begin + LEASE -> lease_until = begin + LEASE; extended(me)
#endif
        :: else
        or_die
        fi
    }
}

/* `seen` is whether the last heartbeat that was answered saw the revocation; `sees`, whether this
 * one does. */
proctype feed(bit me)
{
    byte g;
    byte begin;
    bool seen;
    bool sees;

    if
    :: me == 0
    :: me == 1 -> atomic { !feed_locked -> witness(TAKEOVER) feed_locked = true }
    fi;
connect:
#ifdef BREAK_FLOOR_ALL_AFTER_SNAPSHOT
    empty_cache(me, g);
#endif
    if :: connected(me) or_die fi;
    /* The first heartbeat: its news are "everything", and it does not extend the lease. */
    if :: seen = told or_die fi;
#if !defined BREAK_FLOOR_ALL_AT_FIRST && !defined BREAK_FLOOR_ALL_AFTER_SNAPSHOT
    empty_cache(me, g);
#endif
    do
    :: queued[me] -> witness(BETWEEN_HEARTBEATS) handle(me, g)
    :: atomic { begin = clock; sees = told };
        do
        :: queued[me] -> witness(BEFORE_THE_ANSWER) handle(me, g)
        /* What it sees is decided at some moment between the question and the answer. */
        :: atomic { listening[me] -> if :: sees = told :: skip fi; break }
        :: !listening[me] -> witness(NO_ANSWER)
            atomic { begin = 0; sees = false; seen = false; goto connect }
        or_die
        od;
#ifdef BREAK_NEWS_FIRST
        extend_lease(me, begin);
#endif
        if
#ifndef BREAK_NEWS
        :: sees && !seen -> witness(NEWS) obey(me, g)
#endif
        :: else
        fi;
#ifndef BREAK_NEWS_FIRST
        extend_lease(me, begin);
#endif
        atomic { seen = sees; sees = false; begin = 0 }
    :: !listening[me] -> atomic { seen = false; goto connect }
    :: atomic { me == 0 -> witness(STOP) lease_until = 0; goto died }
    or_die
    od;
died:
    atomic {
        listening[me] = false;
        queued[me] = false;
        feed_locked = false;
        g = 0;
        begin = 0;
        seen = false;
        sees = false
    }
}

/* A miss. Each of the FILLERS comes at any time, once: a worker's next miss is another filler. One
 * that dies half way is as if it did nothing more, and its slot stays odd. */
proctype filler()
{
    byte g0;
    byte sequence;
    byte token;

    atomic {
        token = MINE;
#if FILLERS > 1
        if
        :: true
        :: token = OTHER
        fi;
#endif
#ifndef BREAK_GENERATION_BEFORE_QUERY
        g0 = generation
#endif
    };
    /* The query's snapshot. What is not live is not filled: this filler stops. */
    atomic { token == OTHER || (logged_in && !revoked) -> asked = true };
#ifdef BREAK_GENERATION_BEFORE_QUERY
    g0 = generation;
#endif
    whole {
#if defined BREAK_SWAP
        sequence = slot.sequence;
        sequence % 2 == 0;
        slot.sequence = sequence + 1;
#elif defined BREAK_ODD_IS_TAKEN
        atomic { sequence = slot.sequence & 254; slot.sequence = sequence + 1 };
#elif defined BREAK_MAKE_ODD
        atomic { slot.sequence % 2 == 0 -> sequence = slot.sequence };
#else
        /* Where the compare-and-swap fails, a filler gives up; that too is as if it stopped. */
        atomic { slot.sequence % 2 == 0 -> sequence = slot.sequence; slot.sequence++ };
#endif
        slot.hash = token;
        slot.keys = token;
        slot.generation = g0;
        slot.data = data_of(token, g0);
        atomic { slot.sequence = sequence + 2; g0 = 0; sequence = 0; token = 0 }
    }
}

/* One request with the token MINE. Readers change nothing, so one of them is as good as many. With
 * LATE only one that starts when the session must not be accepted any more; otherwise any. */
proctype reader()
{
    byte now;
    byte sequence;
    byte hash, keys, g, data;
    bool late;

    atomic {
#ifdef LATE
        is_late();
#endif
        now = clock;
        late = is_late()
    };
#if !defined BREAK_LEASE && !defined BREAK_LEASE_BEFORE_FLOORS
    if
    :: now < lease_until -> witness(LEASE_RUNS) skip
    :: else -> witness(LEASE_OVER) goto ask
    fi;
#endif
    whole {
        sequence = slot.sequence;
#ifndef BREAK_ODD_IS_MISS
        if
        :: sequence % 2 == 1 -> witness(ODD) goto ask
        :: else
        fi;
#endif
        hash = slot.hash;
        keys = slot.keys;
        g = slot.generation;
        data = slot.data;
#ifndef BREAK_RECHECK
        if
        :: sequence != slot.sequence -> witness(CHANGED) goto ask
        :: else
        fi;
#endif
#ifdef BREAK_HASH
        if
        :: hash == 0 -> goto ask
#else
        if
        :: hash != MINE -> witness(ANOTHER_TOKEN) goto ask
#endif
        :: else
        fi
    };
#ifndef BREAK_FLOOR_ALL_CHECK
    if
    :: g < floor_all -> witness(BY_FLOOR_ALL) goto ask
    :: else
    fi;
#endif
#ifndef BREAK_SESSION_KEY_CHECK
    if
    :: g < floors[SESSION_KEY] -> witness(BY_SESSION_KEY) goto ask
    :: else
    fi;
#endif
#ifndef BREAK_USER_KEY_CHECK
    if
    :: g < floors[USER_KEY] -> witness(BY_USER_KEY) goto ask
    :: else
    fi;
#endif
#ifdef BREAK_LEASE_BEFORE_FLOORS
    if
    :: now < lease_until
    :: else -> goto ask
    fi;
#endif

    /* Accepted. What was promised: nobody else's, nothing torn, not late. */
    assert(keys == MINE);
    assert(data == data_of(MINE, g));
    assert(!late);
#ifndef LATE
    witness(HIT)
    if
    :: lease_from > 1 && !lease_by_second -> witness(HIT_CONNECTED_AGAIN) skip
    :: lease_by_second -> witness(HIT_AFTER_TAKEOVER) skip
    :: returned_at != NEVER -> witness(HIT_WITHIN_LEASE) skip
    :: else
    fi;
#endif
ask:
    answered = true
}

init
{
    atomic {
        run login();
        run revocation();
#ifdef OTHERS
        run other_logout();
#endif
#ifdef SLOTS
        lease_until = 1;
#else
        run time_passes();
        run network();
        run feed(0);
        run feed(1);
#endif
        run filler();
#if FILLERS > 1
        run filler();
#endif
#if FILLERS > 2
        run filler();
#endif
        run reader()
    }
}

/* Nothing is searched any further once the reader has its answer, nor, where only a late one can be
 * wrong, once the session is revoked without ever having been found live by the only filler. */
never
{
    do
#ifdef LATE
    :: !answered && (asked || !revoked)
#else
    :: !answered
#endif
    od
}
