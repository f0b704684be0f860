//! What both SQL competitors share: the schema, and the settings of a connection.

/// The tables and indexes.
pub const SCHEMA: &str = "
    CREATE TABLE images (
        id BLOB PRIMARY KEY NOT NULL,
        name TEXT NOT NULL,
        status TEXT NOT NULL,
        owner TEXT NOT NULL,
        visibility TEXT NOT NULL,
        disk_format TEXT NOT NULL,
        size BIGINT NOT NULL,
        checksum TEXT,
        min_ram INTEGER NOT NULL,
        protected BOOLEAN NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    );
    CREATE INDEX images_by_status ON images (status);
    CREATE INDEX images_by_owner ON images (owner);
    CREATE INDEX images_by_size ON images (size);
    CREATE INDEX images_by_created ON images (created_at, id);
    CREATE TABLE properties (
        image_id BLOB NOT NULL,
        name TEXT NOT NULL,
        value TEXT NOT NULL,
        PRIMARY KEY (image_id, name)
    ) WITHOUT ROWID;
    CREATE TABLE counters (id INTEGER PRIMARY KEY NOT NULL, value BIGINT NOT NULL);
";

/// Each connection: the log ahead of the data, one fsync a commit, readers and writers that wait for each other, and a
/// page cache that holds the table, as redb's does.
pub const PRAGMAS: &str = "
    PRAGMA busy_timeout = 10000;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -65536;
";

/// Connections of the pool: one for each of the sixteen clients.
pub const CONNECTIONS: u32 = 16;
