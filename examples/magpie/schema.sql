CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password_hash TEXT NOT NULL,
    -- What a session holds to say whose it is. A new password brings a new key: older sessions end.
    session_key TEXT NOT NULL UNIQUE,
    is_demo INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE tokens (
    -- The SHA-256 of a token; the token itself is nowhere but with its user.
    digest TEXT PRIMARY KEY,
    user_id INTEGER NOT NULL UNIQUE REFERENCES users ON DELETE CASCADE
);

CREATE TABLE items (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    owner_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    kind TEXT NOT NULL CHECK (kind IN ('lost', 'found')),
    title TEXT NOT NULL,
    details TEXT NOT NULL,
    place TEXT NOT NULL,
    -- When it was lost or found, as 2026-05-31.
    day TEXT NOT NULL,
    -- The name of a file in the directory of the photographs.
    photo TEXT,
    returned INTEGER NOT NULL DEFAULT 0,
    posted TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
);

-- The order of the board.
CREATE INDEX items_on_board ON items (returned, id DESC);

CREATE TABLE claims (
    id INTEGER PRIMARY KEY,
    item_id INTEGER NOT NULL REFERENCES items ON DELETE CASCADE,
    user_id INTEGER NOT NULL REFERENCES users ON DELETE CASCADE,
    message TEXT NOT NULL,
    accepted INTEGER NOT NULL DEFAULT 0,
    UNIQUE (item_id, user_id)
);
