/* The delivery of one task, as a model for spin: two dispatchers, two workers, one Redis, and everything that may go
 * wrong between them.  README.md ties every step here to the script or function that it stands for.
 *
 * A step is atomic where the real one is: a script is one step, a message that a loop handles is one step.  The
 * job has one task that is followed closely and a rest that ends at some moment: a task that is counted twice would
 * end the job while its rest is open.  FAULTS is how many things may go wrong, of any kind, at any step.
 *
 * What must hold at every step (`holds`), and when nothing can move any more (`Quiet`):
 *   COUNTED_ONCE   a result is counted at most once in a run
 *   OWN_RUN        and only in its own run
 *   NONE_LOST      a task that is not done is in the stream, pending or in `later`
 *   ROW            what stands in the record is what was counted, whoever writes late
 *   LEASE          who was never frozen nor cut off keeps what it holds
 *   ENDS           the job has ended, and nothing of it is left in Redis, at a dispatcher or at a worker
 * There is no cycle either (pan -l, with no progress label anywhere), so the quiet end is reached under any scheduling.
 *
 * Mutants, each of which breaks one of them: NO_TOKEN_CHECK, ANY_RUN, RECLAIM_DEAD_ONLY, RENEW_NO_CHECK,
 * ADOPT_NO_CHECK, GIVE_BACK_NO_CHECK, ROW_NO_TOKEN.
 */
#define ALL          0
#define COUNTED_ONCE 1
#define OWN_RUN      2
#define NONE_LOST    3
#define ROW          4
#define LEASE        5
#define ENDS         6
#ifndef CHECK
#define CHECK ALL
#endif
#define checked(property) (CHECK == ALL || CHECK == property)
#ifndef FAULTS
#define FAULTS 2
#endif
#ifndef RERUNS
#define RERUNS 1
#endif

#define D 2 /* dispatchers: names 0 and 1 */
#define W 2 /* workers */
#define E 4 /* entries of the stream: the first, one more after each retry, loss and re-run */

/* Owners in the pending list that are no dispatcher of now. */
#define RETURNED 2 /* the pseudo-consumer ~returned */
#define GONE     3 /* the name of a process that ended: names are new at every start */
#define NOBODY   3 /* as a worker */

/* An entry of the stream. */
#define NONE    0
#define LATER   1 /* in `later`, not in the stream yet */
#define FRESH   2 /* in the stream, never delivered */
#define PENDING 3
#define CLOSED  4 /* acknowledged and deleted */
byte entry[E], owner[E], delivery[E], entry_run[E];
byte entries = 1;
byte unheard, given;    /* an answer that nobody gets; a delivery that is just being given back */

/* The job's hash. */
byte job_run = 1;        /* the present one */
bool live = true;    /* queued or started */
byte open = 2;       /* tasks not done: ours and the rest */
bool rest_done;
byte counted;        /* results of our task counted in this run */
byte out;            /* the token that was counted, 0: none */
byte row;            /* the token in the record outside Redis */

/* A token as one number that only grows: entries are made in order, and so are an entry's deliveries. */
#define TOKEN(e, n) ((e) * 16 + (n))

/* A dispatcher. */
#define DOWN   0 /* will be started again */
#define OFF    1 /* and never again */
#define UP     2
#define FROZEN 3
#define STUCK  4 /* frozen for good */
byte disp[D];
bool clean[D];          /* never frozen, never cut off: the lease promises it something */
bool reconnected[D];    /* has to re-read what is its own before anything else */
byte held[8];           /* delivery in hand of entry e at dispatcher d: held[d*E+e], 0: none */
byte held_by[8];        /* its worker, NOBODY: dead or unknown */
bool ending[8];         /* its ending is on the way: state DELIVERY_ENDING */
#define H(d, e) ((d) * E + (e))

/* The one script call that a dispatcher waits for, and the one that a cut connection may still bring to Redis. */
#define CALL_NONE   0
#define CALL_TAKE   1
#define CALL_COMMIT 2
#define CALL_RETRY  3 /* defer, mode retry */
#define CALL_LOST   4 /* defer, mode lost */
#define CALL_ADOPT  5
#define CALL_GIVE   6
#define NO_ANSWER   0
#define ACCEPTED    1
#define SUPERSEDED  2
byte call[D], call_entry[D], call_delivery[D], call_worker[D], answer[D];
byte late[D], late_entry[D], late_delivery[D], late_as[D];

/* A worker: one place. */
#define IDLE    0
#define COMING  1 /* a TASK is on its way */
#define WORKING 2
#define DROPPED 3 /* nobody wants the answer, but the work goes on for a while */
#define RESULT  4 /* kept until acknowledged */
#define FAILED  5 /* likewise; its outcome is retry */
byte work[W], work_entry[W], work_delivery[W], link[W];
bool confirmed[W];      /* its link's dispatcher counts it as in flight */

byte faults = FAULTS, reruns = RERUNS;
bool cancellable = true;
bool asked, dealt;       /* the dispatcher that first asks is called 0, and so is the worker that is first dealt to */

#define fault_left     (faults > 0)
#define can_cut(d)     (faults > 0 && !late[d])
#define turning(d)     (disp[d] == UP)
#define ready(d)       (disp[d] == UP && call[d] == CALL_NONE && !reconnected[d])
#define live_run(e)    (live && entry_run[e] == job_run)
#define is_pending(e, n) (entry[e] == PENDING && delivery[e] == (n))
#define works_on(w, e, n) (work[w] >= COMING && work[w] != DROPPED && work_entry[w] == (e) && work_delivery[w] == (n))
/* The lease of an entry ends when nobody renews it: its owner is gone or stands still, or does not know that it is
 * the owner, and no answer is on the way that would tell. */
#define told(d, e)     (answer[d] && (call[d] == CALL_TAKE || call[d] == CALL_ADOPT) && call_entry[d] == (e) && \
                        call_delivery[d] == delivery[e] && answer[d] == ACCEPTED)
#ifdef RENEW_NO_CHECK
#define renews(d, e)   (turning(d) && (held[H(d, e)] || told(d, e)))
#else
#define renews(d, e)   (turning(d) && (held[H(d, e)] == delivery[e] || told(d, e)))
#endif
#ifdef RECLAIM_DEAD_ONLY
#define lease_over(e)  (owner[e] == GONE || (owner[e] < D && !turning(owner[e])))
#else
#define lease_over(e)  (owner[e] == GONE || (owner[e] < D && !renews(owner[e], e)))
#endif

/* ---- what must hold at every step ---------------------------------------------------------------------- */

#define in_redis(e)    (entry_run[e] == job_run && entry[e] >= LATER && entry[e] <= PENDING)
#define keeps(d, e)    (!(clean[d] && turning(d) && held[H(d, e)] && is_pending(e, held[H(d, e)])) || owner[e] == (d))

inline holds() {
    assert(!checked(COUNTED_ONCE) || counted <= 1);
    assert(!checked(NONE_LOST) || !live || counted || in_redis(0) || in_redis(1) || in_redis(2) || in_redis(3));
    assert(!checked(ROW) || !out || row == out);
    assert(!checked(LEASE) || (keeps(0, 0) && keeps(0, 1) && keeps(0, 2) && keeps(0, 3)));
    assert(!checked(LEASE) || (keeps(1, 0) && keeps(1, 1) && keeps(1, 2) && keeps(1, 3)))
}

/* ---- Redis: one inline for each script ------------------------------------------------------------------ */

inline open_entry(where, of_run) {
    assert(entries < E);
    entry[entries] = where;
    entry_run[entries] = of_run;
    entries++;
}

inline task_done_in_job() {
    if
    :: open > 1 -> open--
    :: else -> open = 0; live = false
    fi
}

/* take: what was handed back first.  Entries of ended jobs and older runs are dropped on the way. */
inline script_take(as, e, got) {
    if
    :: !live_run(e) -> entry[e] = CLOSED; got = SUPERSEDED
    :: else -> entry[e] = PENDING; owner[e] = as; delivery[e]++; got = ACCEPTED
    fi;
    holds()
}

/* commit and defer: the fence, then everything in one step. Lost is only what is pending under the caller's name. */
inline script_end(as, kind, e, n, got) {
    got = SUPERSEDED;
    if
#ifdef NO_TOKEN_CHECK
    :: kind == CALL_COMMIT && live_run(e) ->
        entry[e] = CLOSED; counted++; out = TOKEN(e, n); got = ACCEPTED; task_done_in_job()
#endif
    :: is_pending(e, n) && (kind != CALL_LOST || owner[e] == as) ->
        entry[e] = CLOSED;
        if
#ifdef ANY_RUN
        :: live ->
#else
        :: live_run(e) ->
#endif
            got = ACCEPTED;
            if
            :: kind == CALL_COMMIT ->
                assert(!checked(OWN_RUN) || entry_run[e] == job_run);
                counted++; out = TOKEN(e, n); task_done_in_job()
            :: kind == CALL_RETRY -> open_entry(LATER, job_run)
            :: kind == CALL_LOST -> open_entry(FRESH, job_run)
            fi
        :: else
        fi
    :: else ->
        if
        :: kind == CALL_COMMIT && out == TOKEN(e, n) -> got = ACCEPTED
        :: else
        fi
    fi;
    holds()
}

inline script_adopt(as, e, n, got) {
    got = SUPERSEDED;
    if
#ifdef ADOPT_NO_CHECK
    :: entry[e] == PENDING && live_run(e) -> owner[e] = as; got = ACCEPTED
#else
    :: is_pending(e, n) && live_run(e) -> owner[e] = as; got = ACCEPTED
#endif
    :: else
    fi;
    holds()
}

inline script_give_back(as, e, n) {
    if
#ifdef GIVE_BACK_NO_CHECK
    :: entry[e] == PENDING -> owner[e] = RETURNED
#else
    :: is_pending(e, n) && owner[e] == as -> owner[e] = RETURNED
#endif
    :: else
    fi;
    holds()
}

/* ---- a dispatcher ---------------------------------------------------------------------------------------- */

inline forget(d, e) {
    held[H(d, e)] = 0; held_by[H(d, e)] = NOBODY; ending[H(d, e)] = false
}

/* The worker stops: a result is forgotten at once, work goes on until it notices. */
inline drop_work(w) {
    if
    :: work[w] == WORKING -> work[w] = DROPPED
    :: else -> work[w] = IDLE; work_entry[w] = 0; work_delivery[w] = 0
    fi;
    link[w] = 0; confirmed[w] = false
}

/* CANCEL counts only from the dispatcher that the task is held for. */
inline cancel(d, e) {
    if
    :: works_on(0, e, held[H(d, e)]) && link[0] == d && confirmed[0] -> drop_work(0)
    :: works_on(1, e, held[H(d, e)]) && link[1] == d && confirmed[1] -> drop_work(1)
    :: else
    fi;
    forget(d, e)
}

inline no_call(d) {
    call[d] = CALL_NONE; call_entry[d] = 0; call_delivery[d] = 0; call_worker[d] = NOBODY; answer[d] = NO_ANSWER
}

inline ask(d, kind, e, n, w) {
    call[d] = kind; call_entry[d] = e; call_delivery[d] = n; call_worker[d] = w; answer[d] = NO_ANSWER
}

/* The request was written and the connection cut: it may reach Redis at any later moment, and its answer nobody. */
inline cut(d, kind, e, n) {
    late[d] = kind; late_entry[d] = e; late_delivery[d] = n; late_as[d] = d;
    reconnected[d] = true; clean[d] = false; faults--
}

inline deal(d, w) {
    held[H(d, call_entry[d])] = call_delivery[d]; held_by[H(d, call_entry[d])] = w; ending[H(d, call_entry[d])] = false;
    work[w] = COMING; work_entry[w] = call_entry[d]; work_delivery[w] = call_delivery[d]; link[w] = d; confirmed[w] = true;
    no_call(d)
}

/* An IDLE place, or one whose kept result is an older delivery of the same task. */
#define has_place(w, e, n) (work[w] == IDLE || ((work[w] == RESULT || work[w] == FAILED) && work_entry[w] == (e) && work_delivery[w] < (n)))
#define some_place         (work[0] == IDLE || work[1] == IDLE)
#define taken(d)           (call[d] == CALL_TAKE && answer[d] == ACCEPTED)
#define none_returned      (!(entry[0] == PENDING && owner[0] == RETURNED) && !(entry[1] == PENDING && owner[1] == RETURNED) && \
                            !(entry[2] == PENDING && owner[2] == RETURNED) && !(entry[3] == PENDING && owner[3] == RETURNED))
#define takeable(e)        ((entry[e] == PENDING && owner[e] == RETURNED) || (entry[e] == FRESH && none_returned))

#define may_take(d, e)     (ready(d) && some_place && takeable(e) && (d == 0 || asked))

#define TAKE(e) \
:: d_step { may_take(d, e) -> \
       asked = true; ask(d, CALL_TAKE, e, 0, NOBODY); script_take(d, e, answer[d]); call_delivery[d] = delivery[e]; \
       if :: answer[d] == SUPERSEDED -> no_call(d) :: else fi } \
:: d_step { may_take(d, e) && can_cut(d) -> asked = true; cut(d, CALL_TAKE, e, 0) }

/* renew: what is not pending under my name with my delivery, or not wanted any more, is cancelled and forgotten. A renewal
 * that keeps changes nothing but the idle time, see lease_over. */
#ifdef RENEW_NO_CHECK
#define RENEW(e) \
:: d_step { turning(d) && !reconnected[d] && held[H(d, e)] && !ending[H(d, e)] && entry[e] == PENDING && owner[e] != d -> owner[e] = d; holds() } \
:: d_step { turning(d) && !reconnected[d] && held[H(d, e)] && !ending[H(d, e)] && entry[e] != PENDING -> cancel(d, e) }
#else
#define RENEW(e) \
:: d_step { turning(d) && !reconnected[d] && held[H(d, e)] && !ending[H(d, e)] && \
            !(is_pending(e, held[H(d, e)]) && owner[e] == d && live_run(e)) -> cancel(d, e) }
#endif

#define RECLAIM(e) \
:: d_step { turning(d) && !reconnected[d] && entry[e] == PENDING && owner[e] != RETURNED && lease_over(e) -> owner[e] = RETURNED; holds() }

#define PROMOTE(e) \
:: d_step { turning(d) && !reconnected[d] && entry[e] == LATER -> \
       if :: live_run(e) -> entry[e] = FRESH :: else -> entry[e] = CLOSED fi; holds() }

/* Endings go to Redis until it has answered; what was cut is sent again. The rest is not: it is offered again by its
 * worker, or comes back by its lease. */
inline end_by(d, kind, e, n, w) {
    ask(d, kind, e, n, w);
    if
    :: held[H(d, e)] == n -> ending[H(d, e)] = true
    :: else
    fi
}

/* The worker is dead: the task costs a loss. The TASK was lost on its way: it is given back. */
#define dead_hand(d, e)  (held[H(d, e)] && !ending[H(d, e)] && held_by[H(d, e)] == NOBODY)
#define empty_hand(d, e) (held[H(d, e)] && !ending[H(d, e)] && held_by[H(d, e)] < W && !(works_on(held_by[H(d, e)], e, held[H(d, e)])))
#define MISS(e) \
:: d_step { ready(d) && dead_hand(d, e) -> end_by(d, CALL_LOST, e, held[H(d, e)], NOBODY); run_ending(d) } \
:: d_step { ready(d) && dead_hand(d, e) && can_cut(d) -> end_by(d, CALL_LOST, e, held[H(d, e)], NOBODY); cut(d, CALL_LOST, e, held[H(d, e)]) } \
:: d_step { ready(d) && empty_hand(d, e) -> given = held[H(d, e)]; forget(d, e); script_give_back(d, e, given); given = 0 } \
:: d_step { ready(d) && empty_hand(d, e) && can_cut(d) -> cut(d, CALL_GIVE, e, held[H(d, e)]); forget(d, e) }

/* A RESULT that arrives from a worker that this dispatcher knows; what a worker offers; and a taken task dealt to it. */
#define says_result(w)  ((work[w] == RESULT || work[w] == FAILED) && link[w] == d && confirmed[w])
#define says_offer(w)   (work[w] >= WORKING && work[w] != DROPPED && link[w] == d && !confirmed[w])
#define kind_of(w)      (work[w] == RESULT -> CALL_COMMIT : CALL_RETRY)
#define HEAR(w) \
:: d_step { ready(d) && says_result(w) -> end_by(d, kind_of(w), work_entry[w], work_delivery[w], w); run_ending(d) } \
:: d_step { ready(d) && says_result(w) && can_cut(d) -> \
       end_by(d, kind_of(w), work_entry[w], work_delivery[w], w); cut(d, call[d], call_entry[d], call_delivery[d]) } \
:: d_step { ready(d) && says_offer(w) -> \
       ask(d, CALL_ADOPT, work_entry[w], work_delivery[w], w); script_adopt(d, call_entry[d], call_delivery[d], answer[d]) } \
:: d_step { ready(d) && says_offer(w) && can_cut(d) -> cut(d, CALL_ADOPT, work_entry[w], work_delivery[w]) } \
:: d_step { taken(d) && turning(d) && (w == 0 || dealt) && has_place(w, call_entry[d], call_delivery[d]) -> \
       dealt = true; \
       if :: held[H(d, call_entry[d])] -> cancel(d, call_entry[d]) :: else fi; \
       deal(d, w) }

#define run_ending(d) script_end(d, call[d], call_entry[d], call_delivery[d], answer[d])

inline ended(d) {
    if
    :: held[H(d, call_entry[d])] == call_delivery[d] -> forget(d, call_entry[d])
    :: else
    fi
}

#define ends(d) (call[d] == CALL_COMMIT || call[d] == CALL_RETRY || call[d] == CALL_LOST)
#define offered(d) (call_worker[d] < W && works_on(call_worker[d], call_entry[d], call_delivery[d]) && link[call_worker[d]] == d)

proctype Dispatcher(byte d) {
end:
    do
    TAKE(0) TAKE(1) TAKE(2) TAKE(3)
    RENEW(0) RENEW(1) RENEW(2) RENEW(3)
    RECLAIM(0) RECLAIM(1) RECLAIM(2) RECLAIM(3)
    PROMOTE(0) PROMOTE(1) PROMOTE(2) PROMOTE(3)
    MISS(0) MISS(1) MISS(2) MISS(3)
    HEAR(0) HEAR(1)
    /* Nobody has room after all. */
    :: d_step { taken(d) && turning(d) && !has_place(0, call_entry[d], call_delivery[d]) && !has_place(1, call_entry[d], call_delivery[d]) ->
           if :: held[H(d, call_entry[d])] -> cancel(d, call_entry[d]) :: else fi;
           script_give_back(d, call_entry[d], call_delivery[d]);
           no_call(d) }
    /* An ending whose answer was lost, once more. */
    :: d_step { turning(d) && !reconnected[d] && ends(d) && !answer[d] -> run_ending(d) }
    :: d_step { turning(d) && !reconnected[d] && ends(d) && !answer[d] && can_cut(d) -> cut(d, call[d], call_entry[d], call_delivery[d]) }
    /* Redis has answered: RESULT_ACK, which may get lost. */
    :: d_step { turning(d) && ends(d) && answer[d] ->
           ended(d);
           if :: offered(d) && work[call_worker[d]] >= RESULT -> drop_work(call_worker[d]) :: else fi;
           no_call(d) }
    :: d_step { turning(d) && ends(d) && answer[d] && fault_left && offered(d) -> faults--; ended(d); no_call(d) }
    /* The second WELCOME: adopted or not. */
    :: d_step { turning(d) && call[d] == CALL_ADOPT && answer[d] ->
           if
           :: answer[d] == ACCEPTED ->
               if :: held[H(d, call_entry[d])] && held[H(d, call_entry[d])] != call_delivery[d] -> cancel(d, call_entry[d]) :: else fi;
               if
               :: !held[H(d, call_entry[d])] && offered(d) -> held[H(d, call_entry[d])] = call_delivery[d]; held_by[H(d, call_entry[d])] = call_worker[d]
               :: else
               fi;
               if :: offered(d) -> confirmed[call_worker[d]] = true :: else fi
           :: else ->
               if :: offered(d) && !confirmed[call_worker[d]] -> drop_work(call_worker[d]) :: else fi
           fi;
           no_call(d) }
    /* After a reconnect: what is pending under my name and not known is handed back at once. */
    :: d_step { turning(d) && reconnected[d] ->
           reconnected[d] = false;
           if :: entry[0] == PENDING && owner[0] == d && !held[H(d, 0)] -> owner[0] = RETURNED :: else fi;
           if :: entry[1] == PENDING && owner[1] == d && !held[H(d, 1)] -> owner[1] = RETURNED :: else fi;
           if :: entry[2] == PENDING && owner[2] == d && !held[H(d, 2)] -> owner[2] = RETURNED :: else fi;
           if :: entry[3] == PENDING && owner[3] == d && !held[H(d, 3)] -> owner[3] = RETURNED :: else fi;
           holds() }
    /* What a cut connection still brought to Redis. */
    :: d_step { late[d] && (late[d] != CALL_TAKE || takeable(late_entry[d])) ->
           if
           :: late[d] == CALL_TAKE -> script_take(late_as[d], late_entry[d], unheard)
           :: late[d] == CALL_ADOPT -> /* it may take from who adopted meanwhile: a redelivery, nothing worse */
               clean[0] = false; clean[1] = false; script_adopt(late_as[d], late_entry[d], late_delivery[d], unheard)
           :: late[d] == CALL_GIVE -> script_give_back(late_as[d], late_entry[d], late_delivery[d])
           :: else -> script_end(late_as[d], late[d], late_entry[d], late_delivery[d], unheard)
           fi;
           unheard = 0; late[d] = CALL_NONE; late_entry[d] = 0; late_delivery[d] = 0; late_as[d] = 0 }
    :: d_step { late[d] -> late[d] = CALL_NONE; late_entry[d] = 0; late_delivery[d] = 0; late_as[d] = 0 }
    od
}

/* ---- a worker -------------------------------------------------------------------------------------------- */

/* The effect outside Redis compares the same token, and is durable before the result is said. */
inline write_row(w) {
    if
#ifdef ROW_NO_TOKEN
    :: true -> row = TOKEN(work_entry[w], work_delivery[w])
#else
    :: TOKEN(work_entry[w], work_delivery[w]) >= row -> row = TOKEN(work_entry[w], work_delivery[w])
    :: else
#endif
    fi;
    holds()
}

proctype Worker(byte w) {
end:
    do
    :: d_step { work[w] == COMING -> work[w] = WORKING }
    :: d_step { work[w] == WORKING -> write_row(w); work[w] = RESULT }
    :: d_step { work[w] == WORKING && fault_left -> faults--; work[w] = FAILED }
    :: d_step { work[w] == DROPPED -> write_row(w); work[w] = IDLE; work_entry[w] = 0; work_delivery[w] = 0 }
    :: d_step { work[w] == DROPPED -> work[w] = IDLE; work_entry[w] = 0; work_delivery[w] = 0 }
    /* The link is silent: what it held is offered to a living one. */
    :: d_step { work[w] >= WORKING && work[w] != DROPPED && disp[link[w]] != UP && disp[1 - link[w]] == UP ->
           link[w] = 1 - link[w]; confirmed[w] = false }
    od
}

/* ---- everything that may go wrong, and what people do --------------------------------------------------------- */

#define gone(d) (disp[d] == OFF || disp[d] == STUCK)

inline crash(d, into) {
    faults--;
    disp[d] = into;
    if :: late[d] -> late_as[d] = GONE :: else fi;
    if :: owner[0] == d && entry[0] == PENDING -> owner[0] = GONE :: else fi;
    if :: owner[1] == d && entry[1] == PENDING -> owner[1] = GONE :: else fi;
    if :: owner[2] == d && entry[2] == PENDING -> owner[2] = GONE :: else fi;
    if :: owner[3] == d && entry[3] == PENDING -> owner[3] = GONE :: else fi;
    forget(d, 0); forget(d, 1); forget(d, 2); forget(d, 3);
    if :: link[0] == d && work[0] != IDLE -> confirmed[0] = false :: else fi;
    if :: link[1] == d && work[1] != IDLE -> confirmed[1] = false :: else fi;
    no_call(d);
    reconnected[d] = false;
    clean[d] = true
}

/* Where nothing is in hand, dying or standing still differs from being slow only when it is for good. */
#define busy(d)  (held[H(d, 0)] || held[H(d, 1)] || held[H(d, 2)] || held[H(d, 3)] || call[d] || late[d] || reconnected[d] || \
                  (work[0] != IDLE && link[0] == d) || (work[1] != IDLE && link[1] == d))
#define may_end(d) (!gone(1 - d) && (d == 1 || asked))
#define CRASH(d) \
:: d_step { fault_left && (disp[d] == UP || disp[d] == FROZEN) && busy(d) -> crash(d, DOWN) } \
:: d_step { fault_left && (disp[d] == UP || disp[d] == FROZEN) && may_end(d) -> crash(d, OFF) } \
:: d_step { disp[d] == DOWN -> disp[d] = UP } \
:: d_step { fault_left && disp[d] == UP && busy(d) -> faults--; disp[d] = FROZEN; clean[d] = false } \
:: d_step { fault_left && disp[d] == UP && busy(d) && may_end(d) -> faults--; disp[d] = STUCK; clean[d] = false } \
:: d_step { disp[d] == FROZEN -> disp[d] = UP }

inline worker_gone(d, e, w) {
    if
    :: held[H(d, e)] && held_by[H(d, e)] == w && !ending[H(d, e)] -> held_by[H(d, e)] = NOBODY
    :: else
    fi
}
inline everywhere(w) {
    worker_gone(0, 0, w); worker_gone(0, 1, w); worker_gone(0, 2, w); worker_gone(0, 3, w);
    worker_gone(1, 0, w); worker_gone(1, 1, w); worker_gone(1, 2, w); worker_gone(1, 3, w)
}

#define WRONG(w) \
:: d_step { fault_left && work[w] != IDLE -> \
       faults--; work[w] = IDLE; work_entry[w] = 0; work_delivery[w] = 0; link[w] = 0; confirmed[w] = false; everywhere(w) } \
:: d_step { fault_left && work[w] == COMING -> \
       faults--; work[w] = IDLE; work_entry[w] = 0; work_delivery[w] = 0; link[w] = 0; confirmed[w] = false } \
:: d_step { fault_left && work[w] >= WORKING && work[w] != DROPPED && confirmed[w] && disp[link[w]] == UP -> \
       faults--; confirmed[w] = false; everywhere(w) }

proctype World() {
end:
    do
    CRASH(0) CRASH(1)
    WRONG(0) WRONG(1)
    /* The rest ends before ours (init) or after it; in between would be the same. */
    :: d_step { !rest_done && live && counted -> rest_done = true; task_done_in_job(); holds() }
    :: d_step { live && cancellable && reruns -> cancellable = false; live = false; holds() }
    /* rerun from our stage, also while results of the run before are on their way */
    :: d_step { !live && reruns ->
           reruns--;
           job_run++; live = true; counted = 0; out = 0;
           open = (rest_done -> 1 : 2);
           open_entry(FRESH, job_run);
           holds() }
    od
}

/* ---- and when nothing can move any more ------------------------------------------------------------------------- */

#define left_at(d) ((disp[d] == UP) && (held[H(d, 0)] || held[H(d, 1)] || held[H(d, 2)] || held[H(d, 3)] || call[d] || late[d]))
#define settled(e) (entry[e] == NONE || entry[e] == CLOSED)

proctype Quiet() {
end:
    timeout ->
    assert(!checked(ENDS) || !live);
    assert(!checked(ENDS) || (settled(0) && settled(1) && settled(2) && settled(3)));
    assert(!checked(ENDS) || (!left_at(0) && !left_at(1)));
    assert(!checked(ENDS) || (work[0] == IDLE && work[1] == IDLE))
}

init {
    if
    :: true
    :: rest_done = true; open = 1
    fi;
    d_step {
        entry[0] = FRESH; entry_run[0] = 1;
        disp[0] = UP; disp[1] = UP; clean[0] = true; clean[1] = true;
        no_call(0); no_call(1);
        forget(0, 0); forget(0, 1); forget(0, 2); forget(0, 3);
        forget(1, 0); forget(1, 1); forget(1, 2); forget(1, 3)
    };
    atomic { run Dispatcher(0); run Dispatcher(1); run Worker(0); run Worker(1); run World(); run Quiet() }
}
