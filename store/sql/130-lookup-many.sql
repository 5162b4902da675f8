-- Migration 4: nothing about the tables; web servers look up many tokens at once from here on.

comment on type secsession.session_answer is
    'What lookup(), lookup_many() and authenticate() answer: how a session stands.';
