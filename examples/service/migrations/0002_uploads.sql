-- One row for each upload, written in the transaction of its airports: it is here exactly if they are.
CREATE TABLE uploads (
    id uuid PRIMARY KEY,
    format text NOT NULL,
    rows int8 NOT NULL,
    rejected int8 NOT NULL,
    rejects jsonb NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now()
);
