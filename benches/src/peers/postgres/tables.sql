CREATE TABLE images (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    owner TEXT NOT NULL,
    visibility TEXT NOT NULL,
    disk_format TEXT NOT NULL,
    size BIGINT NOT NULL,
    checksum TEXT,
    min_ram INTEGER NOT NULL,
    protected BOOLEAN NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX images_by_status ON images (status);
CREATE INDEX images_by_owner ON images (owner);
CREATE INDEX images_by_size ON images (size);
CREATE INDEX images_by_created ON images (created_at, id);
CREATE TABLE counters (id INTEGER PRIMARY KEY, value BIGINT NOT NULL);
