//! `table_info`.

use pgrepo::testkit::TestDatabase;
use pgrepo::{Db, ErrorKind, PgTable, TableInfo};

use super::psql;
use crate::support::{Direct, LONG};

#[derive(Debug, PgTable)]
#[pg(schema = "geo", table = "places")]
struct Place {
    #[pg(primary_key)]
    id: i64,
    name: String,
}

const TABLES: &str = r#"
    CREATE SCHEMA geo;
    CREATE TYPE geo.mood AS ENUM ('calm', 'odd');
    CREATE DOMAIN geo.short AS text CHECK (length(VALUE) < 9);
    CREATE TABLE geo.countries (code text PRIMARY KEY);
    CREATE EXTENSION IF NOT EXISTS btree_gist;
    CREATE TABLE geo.places (
        id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        name varchar(20) NOT NULL DEFAULT 'it''s "here"',
        country text REFERENCES geo.countries ON DELETE CASCADE,
        mood geo.mood,
        tags text[],
        nick geo.short,
        span int4range,
        twice int8 GENERATED ALWAYS AS (id * 2) STORED,
        "Odd Näme" numeric(6, 2),
        UNIQUE (name, country),
        CONSTRAINT named CHECK (name <> ''),
        EXCLUDE USING gist (span WITH &&)
    );
    CREATE INDEX by_tag ON geo.places USING gin (tags) WHERE mood IS NOT NULL;
    COMMENT ON TABLE geo.places IS 'where we were';
    COMMENT ON COLUMN geo.places.name IS 'what it is called';
    CREATE TABLE geo.days (day date NOT NULL, n int4) PARTITION BY RANGE (day);
    CREATE TABLE geo.days_2026 PARTITION OF geo.days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE geo.days_rest PARTITION OF geo.days DEFAULT PARTITION BY RANGE (day);
    CREATE TABLE geo.days_2027 PARTITION OF geo.days_rest FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
    CREATE INDEX ON geo.days (n);
    INSERT INTO geo.days SELECT '2026-06-01', i FROM generate_series(1, 1000) i;
    INSERT INTO geo.days SELECT '2027-06-01', i FROM generate_series(1, 500) i;
    CREATE VIEW geo.calm AS SELECT * FROM geo.places WHERE mood = 'calm';
"#;

async fn set_up(db: &TestDatabase) -> (Db, Direct) {
    let mut direct = Direct::to(db).await;
    direct.run(TABLES).await;
    (Db::from_url(&db.url()).await.unwrap(), direct)
}

/// Waits until an ANALYZE is counted, which before version 15 another process does.
async fn analysed(direct: &mut Direct, table: &str) {
    let sql = format!("SELECT pg_stat_get_last_analyze_time('{table}'::regclass) IS NOT NULL");
    direct.within(LONG, "the ANALYZE is counted", &sql).await;
}

/// Each figure beside what psql is answered for the same question by the views that people ask.
async fn agrees(db: &TestDatabase, table: &TableInfo, sql: &str, ours: impl IntoIterator<Item = String>) -> Option<()> {
    let theirs = psql(db, &sql.replace("{}", &format!("'{}.{}'::regclass", table.schema, table.name))).await?;
    assert_eq!(ours.into_iter().collect::<Vec<_>>(), theirs.lines().collect::<Vec<_>>(), "{sql}");
    Some(())
}

fn or_none(text: Option<&String>) -> &str {
    text.map_or("-", String::as_str)
}

#[pgrepo::test]
async fn columns_constraints_indexes_and_sizes_are_those_of_the_catalog(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db).await;
    direct.run("INSERT INTO geo.countries VALUES ('PE')").await;
    direct.run("INSERT INTO geo.places (name, country, tags) SELECT 'p' || i, 'PE', ARRAY['x'] FROM generate_series(1, 300) i").await;
    direct.run("ANALYZE geo.places").await;
    analysed(&mut direct, "geo.places").await;
    let table = ours.table_info::<Place>().await.unwrap();
    let columns = table.columns.iter().map(|c| {
        let (default, generated) = (or_none(c.default.as_ref()), or_none(c.generated.as_ref()));
        let nullable = if c.nullable { "YES" } else { "NO" };
        let identity = match c.identity.as_deref() {
            Some("a") => "ALWAYS",
            Some(_) => "BY DEFAULT",
            None => "-",
        };
        format!("{}|{nullable}|{default}|{generated}|{identity}|{}", c.name, or_none(c.comment.as_ref()))
    });
    let sql = "SELECT column_name, is_nullable, column_default, generation_expression, identity_generation, \
               col_description({}, ordinal_position) FROM information_schema.columns \
               WHERE table_schema || '.' || table_name = {}::text ORDER BY ordinal_position";
    let Some(()) = agrees(&db, &table, sql, columns).await else { return };
    let types: Vec<&str> = table.columns.iter().map(|c| &*c.ty).collect();
    let wanted = [
        "bigint",
        "character varying(20)",
        "text",
        "geo.mood",
        "text[]",
        "geo.short",
        "int4range",
        "bigint",
        "numeric(6,2)",
    ];
    assert_eq!(types, wanted);

    let constraints = table.constraints.iter().map(|c| format!("{}|{}|{}", c.name, c.kind, c.definition));
    let sql = "SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = {} \
               AND contype <> 'n' ORDER BY conname";
    agrees(&db, &table, sql, constraints).await.unwrap();
    let kinds: String = table.constraints.iter().map(|c| &*c.kind).collect();
    assert_eq!(kinds.len(), 5);
    assert!("pucfx".chars().all(|kind| kinds.contains(kind)), "{kinds}");
    assert_eq!(table.primary_key().unwrap().columns, ["id"]);

    let indexes = table.indexes.iter().map(|i| format!("{}|{}|{}", i.name, i.definition, i.size_bytes));
    let sql = "SELECT indexname, indexdef, pg_relation_size((quote_ident(schemaname) || '.' || quote_ident(indexname))::regclass) \
               FROM pg_indexes WHERE (quote_ident(schemaname) || '.' || quote_ident(tablename))::regclass = {} ORDER BY indexname";
    agrees(&db, &table, sql, indexes).await.unwrap();
    assert!(table.indexes.iter().any(|i| (&*i.name, &*i.method) == ("by_tag", "gin")));

    let size = &table.size;
    assert_eq!(size.total_bytes, size.table_bytes + size.toast_bytes + size.index_bytes);
    let sizes = format!("{}|{}|{}", size.table_bytes + size.toast_bytes, size.index_bytes, size.total_bytes);
    let sql = "SELECT pg_table_size({}), pg_indexes_size({}), pg_total_relation_size({})";
    agrees(&db, &table, sql, [sizes]).await.unwrap();
    assert_eq!((table.estimated_rows, table.comment.as_deref()), (Some(300), Some("where we were")));
    assert!(table.last_analyze.is_some() && table.last_vacuum.is_none());

    let read: TableInfo = serde_json::from_str(&serde_json::to_string(&table).unwrap()).unwrap();
    assert_eq!((&read.columns, &read.constraints, &read.size), (&table.columns, &table.constraints, &table.size));
}

#[pgrepo::test]
async fn rows_are_unknown_before_analyze_and_partitions_are_counted_together(db: TestDatabase) {
    let (ours, mut direct) = set_up(&db).await;
    let table = ours.table_info::<Place>().await.unwrap();
    assert_eq!((table.estimated_rows, table.last_analyze), (None, None));
    assert!(table.to_string().contains("unknown before ANALYZE"), "{table}");
    let days = || ours.table_info_of(("geo", "days"));
    assert_eq!(days().await.unwrap().estimated_rows, None);
    direct.run("ANALYZE geo.days").await;
    let days = days().await.unwrap();
    assert_eq!((days.estimated_rows, days.kind.as_str()), (Some(1_500), "p"));
    assert_eq!(days.partition_key.as_deref(), Some("RANGE (day)"));
    let partitions: Vec<_> = days.partitions.iter().map(|p| (&*p.name, &*p.bounds)).collect();
    assert_eq!(
        partitions,
        [("days_2026", "FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')"), ("days_rest", "DEFAULT")]
    );
    let sizes: u64 = days.partitions.iter().map(|p| p.total_bytes).sum();
    assert_eq!((days.size.total_bytes, days.size.total_bytes > 0), (sizes, true));
    assert!(days.indexes[0].size_bytes > 0, "that of its partitions: {:?}", days.indexes);
    // Its partitions are what is cleaned up and counted.
    assert!(days.live_rows >= 1_500 && days.last_vacuum.is_none(), "{days:?}");
    direct.run("VACUUM geo.days_2027").await;
    assert!(ours.table_info_of(("geo", "days")).await.unwrap().last_vacuum.is_some());
    // An empty table is known to be empty once it was looked at.
    direct.run("ANALYZE geo.countries").await;
    analysed(&mut direct, "geo.countries").await;
    assert_eq!(ours.table_info_of(("geo", "countries")).await.unwrap().estimated_rows, Some(0));
    let view = ours.table_info_of(("geo", "calm")).await.unwrap();
    assert_eq!((view.kind.as_str(), view.estimated_rows, view.size.total_bytes), ("v", None, 0));
    // One in a partition is found as it is.
    assert_eq!(ours.table_info_of(("geo", "days_2026")).await.unwrap().estimated_rows, Some(1_000));
}

#[pgrepo::test]
async fn a_table_is_shown_as_lines(db: TestDatabase) {
    let mut direct = Direct::to(&db).await;
    direct.run("CREATE TABLE t (id int8 PRIMARY KEY, name text DEFAULT 'x')").await;
    direct.run("COMMENT ON COLUMN t.name IS 'a name'").await;
    let ours = Db::from_url(&db.url()).await.unwrap();
    let shown = ours.table_info_of("t").await.unwrap().to_string();
    let wanted = "table public.t
  rows                unknown before ANALYZE; 0 dead
  size                16 kB: table 0 bytes, long values 8192 bytes, indexes 8192 bytes
  vacuumed, analysed  never vacuumed, never analysed
    id    bigint NOT NULL
    name  text DEFAULT 'x'::text  -- a name
    t_pkey PRIMARY KEY (id)
    CREATE UNIQUE INDEX t_pkey ON public.t USING btree (id): 8192 bytes, 0 scans";
    assert_eq!(shown, wanted);
}

#[pgrepo::test]
async fn a_table_that_is_not_there_is_an_error_with_what_may_be_meant(db: TestDatabase) {
    let (ours, _direct) = set_up(&db).await;
    let cases = [
        ((Some("geo"), "palces"), "did you mean geo.places?"),
        ((None, "places"), "did you mean geo.places?"),
        ((None, "geo.places"), "the schema stands by itself: (\"geo\", \"places\")"),
        ((None, &*"t".repeat(64)), "there is no such table or view on the search_path"),
        ((Some(&*"s".repeat(64)), "nothing"), "none in that schema"),
        ((Some("public"), "days"), "did you mean geo.days?"),
        ((Some("goe"), "nothing"), "none in that schema: did you mean geo?"),
        ((Some("geo"), "nothing"), "there is no such table or view in that schema"),
        ((None, "nothing at all"), "there is no such table or view on the search_path"),
        ((Some("geo\"; DROP SCHEMA geo CASCADE; --"), "x'; DROP TABLE geo.places; --"), "none in that schema"),
    ];
    for ((schema, name), wanted) in cases {
        let asked = match schema {
            Some(schema) => ours.table_info_of((schema, name)).await,
            None => ours.table_info_of(name).await,
        };
        let error = asked.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Mismatch, Some("table_info")), "{error:?}");
        assert!(error.to_string().contains(wanted), "{error}");
    }
    ours.table_info::<Place>().await.unwrap();
}
