/* Periodic rotation as a model for SPIN: a browser whose requests wait in a queue with the token
 * that was current when they were made, answers that are lost or come late, and a thief, who has
 * any token that the browser ever had and uses it whenever he likes. Names are those of
 * store/sql/305-rotation.sql and 208-tokens.sql. Each BREAK_... takes one rule away, and
 * t/70-model.t expects SPIN to notice; what has a witness(...) must happen. More in README.md. */

/* In ticks of the clock: how long a retired token is served to anybody, and how long to the browser
 * that has the next one; how long a request of a browser lives, from when it is made until its
 * answer has come; and how long a session keeps a token. */
#define GRACE 1
#define QUEUE 2
#define LIFE 2
#ifdef BREAK_INTERVAL
#define INTERVAL 2
#else
#define INTERVAL 3
#endif
#define MAX_TIME 11
#define TOKENS 5
#define LANES 2

/* What a token is. */
#define UNKNOWN 0
#define OFFERED 1
#define CURRENT 2
#define RETIRED 3

/* The parties, and how they look to the server. With THIEF=2 the thief looks like another browser;
 * with THIEF=1 like the owner's, in the same network. */
#define OWNER 0
#define ROBBER 1
#ifdef THIEF
#define looks(party) (party == OWNER -> 1 : THIEF)
#else
#define looks(party) 1
#endif

byte clock;

/* The database. */
byte state[TOKENS];
byte retired_at[TOKENS];
byte next_looks[TOKENS]; /* of who presented the next token first */
byte next_party[TOKENS]; /* who that was, and when: for the promise only */
byte next_at[TOKENS];
byte current;
byte made = 1;           /* so many tokens */
byte rotated_at;
bool ended;

/* The owner's browser: its cookie, and its requests, which wait or whose answer is on its way. */
byte jar;
#define FREE 0
#define WAITS 1
#define ANSWERED 2
typedef lane_t {
    byte stage;
    byte token;
    byte made_at;
    byte cookie /* in the answer; 0: none */
};
lane_t lanes[LANES];
bool had[TOKENS];

#ifdef WITNESS
mtype = { QUEUED, IN_GRACE, LATE_OFFER, LOST, ALARM_BY_OWNER, ALARM_BY_THIEF, THIEF_IS_FIRST };
#define witness(what) assert(WITNESS != what)
#else
#define witness(what) skip
#endif

/* Whether a retired token is still served to this party. */
#define in_grace(k) (clock < retired_at[k] + GRACE)
#ifdef BREAK_QUEUE
#define is_of_next(k, party) false
#elif defined BREAK_OF_NEXT
#define is_of_next(k, party) (looks(party) == looks(OWNER)) /* who logged in */
#else
#define is_of_next(k, party) (looks(party) == next_looks[k])
#endif
#ifdef BREAK_QUEUE_ENDS
#define in_queue(k, party) is_of_next(k, party)
#else
#define in_queue(k, party) (is_of_next(k, party) && clock < retired_at[k] + QUEUE)
#endif

/* What was promised of a thief: from the moment at which one of the two has presented the next
 * token, the other one is served for the grace at the most; or, if they look the same, for the time
 * of a queue. */
#define is_too_late(k, party)                                                                      \
    (state[k] == RETIRED && next_party[k] != party                                                 \
     && clock >= next_at[k] + (looks(OWNER) == looks(ROBBER) -> QUEUE : GRACE))

inline retire(k, party)
{
    state[k] = RETIRED;
    retired_at[k] = clock;
    next_looks[k] = looks(party);
    next_party[k] = party;
    next_at[k] = clock
}

/* accept_offer() */
inline accept(k, party)
{
    if
    :: k < current -> witness(LATE_OFFER)
    :: else
    fi;
    if
    :: party == ROBBER -> witness(THIEF_IS_FIRST)
    :: else
    fi;
    retire(current, party);
#ifdef BREAK_RETIRED_ONCE
    n = 0;
    do
    :: n < TOKENS && state[n] == RETIRED -> retired_at[n] = clock; n++
    :: n < TOKENS && state[n] != RETIRED -> n++
    :: n == TOKENS -> n = 0; break
    od;
#endif
    state[k] = CURRENT;
    current = k;
    rotated_at = clock
}

/* offer_token(): whether it offers is up to it, as others may hold the session. */
inline offer(k, party, next)
{
    next = 0;
    if
    :: !ended && k == current && clock >= rotated_at + INTERVAL && made < TOKENS ->
        next = made;
        made++;
#ifdef BREAK_OFFER_FIRST
        retire(current, party);
        state[next] = CURRENT;
        current = next;
#else
        state[next] = OFFERED;
#endif
        rotated_at = clock
    :: true
    fi
}

/* One request at the server, with `token`: whether it is served, and the token it is offered. */
inline present(k, party, served, next)
{
    served = !ended;
    if
    :: ended
    :: !ended && state[k] == CURRENT
    :: !ended && state[k] == OFFERED -> accept(k, party)
    :: !ended && state[k] == RETIRED && in_grace(k) -> witness(IN_GRACE)
    :: !ended && state[k] == RETIRED && !in_grace(k) && in_queue(k, party) -> witness(QUEUED)
    :: !ended && state[k] == RETIRED && !in_grace(k) && !in_queue(k, party) ->
        if
        :: party == OWNER -> witness(ALARM_BY_OWNER)
        :: else -> witness(ALARM_BY_THIEF)
        fi;
        ended = true;
        served = false
    :: !ended && state[k] == UNKNOWN -> served = false
    fi;
#ifdef THIEF
    assert(!(served && is_too_late(k, party)));
#else
    assert(served);
#endif
    offer(k, party, next);
    if
    :: !served -> next = 0
    :: else
    fi
}

/* No request lives longer than LIFE: that is what is assumed of browsers. */
#define is_young(n) (lanes[n].stage == FREE || clock + 1 < lanes[n].made_at + LIFE)

proctype time_passes()
{
    do
    :: atomic { clock < MAX_TIME && is_young(0) && is_young(1) -> clock++ }
    :: clock == MAX_TIME -> break
    od
}

/* A lane of the browser: a request takes the cookie when it is made, waits, is served, and its
 * answer arrives or is lost. */
proctype lane(byte me)
{
    byte next;
    byte n;
    bool served;

    do
    :: atomic {
        clock < MAX_TIME ->
        lanes[me].token = jar;
        lanes[me].made_at = clock;
        lanes[me].stage = WAITS
    };
    atomic {
        present(lanes[me].token, OWNER, served, next);
        lanes[me].cookie = next;
        lanes[me].stage = ANSWERED;
        next = 0;
        n = 0;
        served = false
    };
    atomic {
        if
        :: lanes[me].cookie != 0 -> jar = lanes[me].cookie; had[jar] = true
        :: lanes[me].cookie != 0 -> witness(LOST)
        :: else
        fi;
        lanes[me].stage = FREE;
        lanes[me].token = 0;
        lanes[me].cookie = 0;
        lanes[me].made_at = 0
    }
    :: clock == MAX_TIME -> break
    od
}

#ifdef THIEF
/* He takes what the browser has or had, once, and what he is offered from then on. */
proctype thief()
{
    byte mine;
    byte next;
    byte n;
    bool served;

    atomic {
        if
        :: mine = 0
        :: had[1] -> mine = 1
        :: had[2] -> mine = 2
        fi
    };
    do
    :: atomic {
        !ended && clock < MAX_TIME ->
        present(mine, ROBBER, served, next);
        if
        :: next != 0 -> mine = next
        :: true
        fi;
        next = 0;
        n = 0;
        served = false
    }
    :: ended || clock == MAX_TIME -> break
    od
}
#endif

init
{
    atomic {
        state[0] = CURRENT;
        had[0] = true;
        run time_passes();
        run lane(0);
        run lane(1);
#ifdef THIEF
        run thief()
#endif
    }
}
