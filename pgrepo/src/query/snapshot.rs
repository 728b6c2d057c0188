//! What each method of the query builders says to the server, in one table.

use std::num::NonZeroUsize;

use crate::pool::Nowhere;
use crate::table::Place;
use crate::{Filter, Find, Repository, Sort};

use super::Text;

#[derive(Debug, crate::PgTable)]
#[pg(crate = "crate", schema = "geo", table = "air\"ports")]
struct Port {
    #[pg(primary_key)]
    country: String,
    #[pg(primary_key)]
    icao: String,
    city: Option<String>,
    feet: i32,
    height: Option<f64>,
    #[pg(column = "the \"tags\"")]
    tags: Vec<String>,
    info: crate::Json<serde_json::Value>,
    #[pg(version)]
    version: i32,
}

#[derive(Debug, crate::PgRecord)]
#[pg(crate = "crate", of = Port)]
struct Name {
    icao: String,
    city: Option<String>,
}

/// Its fields in another order, under other names, and one in another type.
#[derive(Debug, crate::PgRecord)]
#[pg(crate = "crate", of = Port)]
struct Renamed {
    #[pg(column = "the \"tags\"")]
    words: Vec<String>,
    version: Option<i32>,
    country: Box<str>,
}

type Ports = Find<'static, Nowhere, Port>;

const ALL: &str =
    r#"SELECT "country", "icao", "city", "feet", "height", "the ""tags""", "info", "version" FROM "geo"."air""ports""#;

fn ports() -> Repository<Nowhere, Port> {
    Repository::new(Nowhere)
}

/// Compares statements with what they are to be, `…` for the list of all columns from the table.
fn compare(table: Vec<(String, &str)>) {
    let wrong: Vec<_> = table.into_iter().map(|(sql, wanted)| (sql, wanted.replace('…', ALL))).collect();
    for (sql, wanted) in &wrong {
        assert_eq!(sql, wanted);
    }
}

#[test]
fn conditions() {
    let table: Vec<(Filter<'static, Port>, &str)> = vec![
        (Filter::all(), "true"),
        (Port::CITY.eq("a"), r#""city" = $1"#),
        (Port::CITY.eq(None), r#""city" IS NULL"#),
        (Port::CITY.ne("a"), r#""city" <> $1"#),
        (Port::CITY.ne(None), r#""city" IS NOT NULL"#),
        (Port::FEET.lt(1), r#""feet" < $1"#),
        (Port::FEET.le(1), r#""feet" <= $1"#),
        (Port::FEET.gt(1), r#""feet" > $1"#),
        (Port::FEET.ge(1), r#""feet" >= $1"#),
        (Port::FEET.between(1, 2), r#""feet" BETWEEN $1 AND $2"#),
        (Port::CITY.is_null(), r#""city" IS NULL"#),
        (Port::CITY.is_not_null(), r#""city" IS NOT NULL"#),
        (Port::FEET.in_([0; 0]), r#""feet" = ANY($1)"#),
        (Port::FEET.in_([1, 2, 3]), r#""feet" = ANY($1)"#),
        (Port::HEIGHT.in_([Some(1.0), None]), r#"("height" = ANY($1) OR "height" IS NULL)"#),
        (Port::FEET.not_in([1]), r#"("feet" <> ALL($1) AND "feet" IS NOT NULL)"#),
        (Port::CITY.like("a%"), r#""city" LIKE $1"#),
        (Port::CITY.not_like("a%"), r#""city" NOT LIKE $1"#),
        (Port::CITY.ilike("a%"), r#""city" ILIKE $1"#),
        (Port::CITY.not_ilike("a%"), r#""city" NOT ILIKE $1"#),
        (Port::CITY.starts_with("a"), r#""city" ^@ $1"#),
        (
            Port::CITY.text_search("english", "a"),
            r#"to_tsvector('english', "city") @@ websearch_to_tsquery('english', $1)"#,
        ),
        (
            Port::CITY.text_search("no'such", "a"),
            r#"to_tsvector($1::text::regconfig, "city") @@ websearch_to_tsquery($2::text::regconfig, $3)"#,
        ),
        (Port::TAGS.contains(["a"]), r#""the ""tags""" @> $1"#),
        (Port::TAGS.contained_by(["a"]), r#""the ""tags""" <@ $1"#),
        (Port::TAGS.overlaps(["a"]), r#""the ""tags""" && $1"#),
        (Port::TAGS.any("a"), r#"$1 = ANY("the ""tags""")"#),
        (Port::TAGS.is_empty(), r#"cardinality("the ""tags""") = 0"#),
        (
            Port::FEET.gt(1).and(Port::FEET.lt(2)).and(Port::CITY.is_null()),
            r#"("feet" > $1 AND "feet" < $2 AND "city" IS NULL)"#,
        ),
        (
            Port::FEET.gt(1).or(Port::FEET.lt(2)).and(Port::CITY.eq("a")),
            r#"(("feet" > $1 OR "feet" < $2) AND "city" = $3)"#,
        ),
        (Port::FEET.eq(1).not(), r#"NOT ("feet" = $1)"#),
        (
            Port::FEET.eq(1).and(Port::FEET.eq(2)).not().or(Filter::all()),
            r#"(NOT (("feet" = $1 AND "feet" = $2)) OR true)"#,
        ),
    ];
    let mut wanted = Vec::new();
    for (filter, sql) in table {
        let whole = if filter.is_all() { "…".to_owned() } else { format!("… WHERE {sql}") };
        assert_eq!(format!("{filter:?}"), format!("Filter({sql})"));
        wanted.push((ports().find(filter).sql(), whole));
    }
    compare(wanted.iter().map(|(sql, wanted)| (sql.clone(), wanted.as_str())).collect());
}

#[test]
fn orders_limits_and_locks() {
    type Case = (fn(Ports) -> Ports, &'static str);
    let table: Vec<Case> = vec![
        (|f| f.order_by(Port::FEET.asc()), r#"… ORDER BY "feet""#),
        (|f| f.order_by(Port::FEET.desc()), r#"… ORDER BY "feet" DESC"#),
        (|f| f.order_by(Port::CITY.asc().nulls_first()), r#"… ORDER BY "city" NULLS FIRST"#),
        (|f| f.order_by(Port::CITY.desc().nulls_last()), r#"… ORDER BY "city" DESC NULLS LAST"#),
        (|f| f.order_by(Port::CITY.asc()).order_by(Port::FEET.desc()), r#"… ORDER BY "city", "feet" DESC"#),
        (
            |f| f.order_by(Port::CITY.text_rank("simple", "a").desc()),
            r#"… ORDER BY ts_rank(to_tsvector('simple', "city"), websearch_to_tsquery('simple', $1)) DESC"#,
        ),
        (
            |f| f.order_by(Port::CITY.text_rank("simple", "a").asc()),
            r#"… ORDER BY ts_rank(to_tsvector('simple', "city"), websearch_to_tsquery('simple', $1))"#,
        ),
        (|f| f.limit(3), "… LIMIT $1"),
        (|f| f.offset(3), "… OFFSET $1"),
        (|f| f.offset(3).limit(3).order_by(Port::FEET.asc()), r#"… ORDER BY "feet" LIMIT $1 OFFSET $2"#),
        (Find::for_update, "… FOR UPDATE"),
        (Find::for_no_key_update, "… FOR NO KEY UPDATE"),
        (Find::for_share, "… FOR SHARE"),
        (Find::for_key_share, "… FOR KEY SHARE"),
        (Find::skip_locked, "… FOR UPDATE SKIP LOCKED"),
        (Find::nowait, "… FOR UPDATE NOWAIT"),
        (|f| f.for_share().skip_locked(), "… FOR SHARE SKIP LOCKED"),
        (|f| f.for_key_share().nowait().limit(1), "… LIMIT $1 FOR KEY SHARE NOWAIT"),
    ];
    compare(table.into_iter().map(|(make, sql)| (make(ports().all()).sql(), sql)).collect());
    let distinct = ports().all().distinct().sql();
    assert_eq!(distinct, ALL.replace("SELECT", "SELECT DISTINCT"));
    assert_eq!(format!("{:?}", Sort::nulls_first(Port::FEET.desc())), r#"Sort("feet" DESC NULLS FIRST)"#);
}

#[test]
fn what_is_made_of_all_rows() {
    let place = Place::of::<Port>(None);
    let high = || ports().find(Port::FEET.gt(1));
    let of = |find: Ports, function, column| find.select.aggregate(&place, function, column).sql;
    let feet = Some(Port::FEET.name());
    let from = r#"FROM "geo"."air""ports""#;
    compare(vec![
        (of(ports().all(), "count", None), &*format!("SELECT count(*) {from}")),
        (of(high(), "count", None), &*format!(r#"SELECT count(*) {from} WHERE "feet" > $1"#)),
        (of(high(), "min", feet), &*format!(r#"SELECT min("feet") {from} WHERE "feet" > $1"#)),
        (of(high(), "max", feet), &*format!(r#"SELECT max("feet") {from} WHERE "feet" > $1"#)),
        (of(high(), "sum", feet), &*format!(r#"SELECT sum("feet") {from} WHERE "feet" > $1"#)),
        (of(high(), "avg", feet), &*format!(r#"SELECT avg("feet") {from} WHERE "feet" > $1"#)),
        (
            of(high().limit(2), "count", None),
            &*format!(r#"SELECT count(*) FROM (SELECT 1 {from} WHERE "feet" > $1 LIMIT $2) AS "rows""#),
        ),
        (
            of(high().offset(2), "sum", feet),
            &*format!(r#"SELECT sum("feet") FROM (SELECT "feet" {from} WHERE "feet" > $1 OFFSET $2) AS "rows""#),
        ),
        (
            of(ports().all().for_update(), "count", None),
            &*format!(r#"SELECT count(*) FROM (SELECT 1 {from} FOR UPDATE) AS "rows""#),
        ),
        (
            of(ports().all().distinct(), "count", None),
            &*format!(r#"SELECT count(*) FROM ({}) AS "rows""#, ALL.replace("SELECT", "SELECT DISTINCT")),
        ),
        (high().select.exists(&place).sql, &*format!(r#"SELECT EXISTS (SELECT 1 {from} WHERE "feet" > $1)"#)),
        (high().values(Port::TAGS).sql(), &*format!(r#"SELECT "the ""tags""" {from} WHERE "feet" > $1"#)),
        (high().values(Port::CITY).distinct().sql(), &*format!(r#"SELECT DISTINCT "city" {from} WHERE "feet" > $1"#)),
        (
            high().order_by(Port::FEET.asc()).select::<Name>().sql(),
            &*format!(r#"SELECT "icao", "city" {from} WHERE "feet" > $1 ORDER BY "feet""#),
        ),
        (ports().in_schema("t'4\"2").all().sql(), &*ALL.replace(r#""geo"."#, r#""t'4""2"."#)),
    ]);
}

#[test]
fn records_and_single_columns() {
    type Case = (fn(Ports) -> Ports, &'static str);
    let table: Vec<Case> = vec![
        (|f| f, ""),
        (|f| f.order_by(Port::FEET.desc()), r#" ORDER BY "feet" DESC"#),
        (|f| f.limit(3).offset(4), " LIMIT $1 OFFSET $2"),
        (Find::for_update, " FOR UPDATE"),
        (
            |f| f.order_by(Port::ICAO.asc()).limit(1).skip_locked(),
            r#" ORDER BY "icao" LIMIT $1 FOR UPDATE SKIP LOCKED"#,
        ),
    ];
    let from = r#"FROM "geo"."air""ports""#;
    for (make, wanted) in table {
        let all = || make(ports().all());
        assert_eq!(all().select::<Name>().sql(), format!(r#"SELECT "icao", "city" {from}{wanted}"#));
        assert_eq!(all().values(Port::TAGS).sql(), format!(r#"SELECT "the ""tags""" {from}{wanted}"#));
    }
    let high = || ports().find(Port::FEET.gt(1).and(Port::CITY.ne(None)));
    compare(vec![
        (
            high().select::<Name>().distinct().sql(),
            &*format!(r#"SELECT DISTINCT "icao", "city" {from} WHERE ("feet" > $1 AND "city" IS NOT NULL)"#),
        ),
        (
            high().distinct().select::<Name>().sql(),
            &*format!(r#"SELECT DISTINCT "icao", "city" {from} WHERE ("feet" > $1 AND "city" IS NOT NULL)"#),
        ),
        (ports().all().select::<Renamed>().sql(), &*format!(r#"SELECT "the ""tags""", "version", "country" {from}"#)),
        (ports().in_schema("t42").all().select::<Name>().sql(), r#"SELECT "icao", "city" FROM "t42"."air""ports""#),
        (ports().in_schema("t42").all().values(Port::CITY).sql(), r#"SELECT "city" FROM "t42"."air""ports""#),
    ]);
}

#[test]
fn pages() {
    const SIZE: NonZeroUsize = NonZeroUsize::MIN;
    let all = || ports().all();
    let mixed = || all().order_by(Port::CITY.asc()).order_by(Port::FEET.desc());
    let nulls_first = || all().order_by(Port::CITY.asc().nulls_first());
    let descending = || all().order_by(Port::CITY.desc());
    let nulls_last = || all().order_by(Port::CITY.desc().nulls_last());
    compare(vec![
        (all().pages(SIZE).sql().unwrap(), r#"… ORDER BY "country", "icao" LIMIT $1"#),
        (
            all().pages(SIZE).sql_behind(&[false, false]),
            r#"… WHERE ("country", "icao") > ($1, $2) ORDER BY "country", "icao" LIMIT $3"#,
        ),
        (
            all().order_by(Port::COUNTRY.desc()).pages(SIZE).sql_behind(&[false, false]),
            r#"… WHERE ("country", "icao") < ($1, $2) ORDER BY "country" DESC, "icao" DESC LIMIT $3"#,
        ),
        (
            ports().find(Port::FEET.gt(1)).order_by(Port::ICAO.asc()).pages(SIZE).sql_behind(&[false, false]),
            r#"… WHERE "feet" > $1 AND ("icao", "country") > ($2, $3) ORDER BY "icao", "country" LIMIT $4"#,
        ),
        (
            all().order_by(Port::FEET.desc()).order_by(Port::COUNTRY.asc()).pages(SIZE).sql_behind(&[false; 3]),
            r#"… WHERE ("feet" <= $1 AND ("feet" < $1 OR ("country", "icao") > ($2, $3))) ORDER BY "feet" DESC, "country", "icao" LIMIT $4"#,
        ),
        (
            mixed().pages(SIZE).sql_behind(&[false; 4]),
            r#"… WHERE ("city" > $1 OR "city" IS NULL OR ("city" = $1 AND ("feet", "country", "icao") < ($2, $3, $4))) ORDER BY "city", "feet" DESC, "country" DESC, "icao" DESC LIMIT $5"#,
        ),
        (
            mixed().pages(SIZE).sql_behind(&[true, false, false, false]),
            r#"… WHERE ("city" IS NULL AND ("feet", "country", "icao") < ($1, $2, $3)) ORDER BY "city", "feet" DESC, "country" DESC, "icao" DESC LIMIT $4"#,
        ),
        (
            nulls_first().pages(SIZE).sql_behind(&[false; 3]),
            r#"… WHERE ("city" >= $1 AND ("city" > $1 OR ("country", "icao") > ($2, $3))) ORDER BY "city" NULLS FIRST, "country", "icao" LIMIT $4"#,
        ),
        (
            nulls_first().pages(SIZE).sql_behind(&[true, false, false]),
            r#"… WHERE ("city" IS NOT NULL OR ("country", "icao") > ($1, $2)) ORDER BY "city" NULLS FIRST, "country", "icao" LIMIT $3"#,
        ),
        (
            descending().pages(SIZE).sql_behind(&[false; 3]),
            r#"… WHERE ("city" <= $1 AND ("city" < $1 OR ("country", "icao") < ($2, $3))) ORDER BY "city" DESC, "country" DESC, "icao" DESC LIMIT $4"#,
        ),
        (
            descending().pages(SIZE).sql_behind(&[true, false, false]),
            r#"… WHERE ("city" IS NOT NULL OR ("country", "icao") < ($1, $2)) ORDER BY "city" DESC, "country" DESC, "icao" DESC LIMIT $3"#,
        ),
        (
            nulls_last().pages(SIZE).sql_behind(&[false; 3]),
            r#"… WHERE ("city" < $1 OR "city" IS NULL OR ("city" = $1 AND ("country", "icao") < ($2, $3))) ORDER BY "city" DESC NULLS LAST, "country" DESC, "icao" DESC LIMIT $4"#,
        ),
        (
            nulls_last().pages(SIZE).sql_behind(&[true, false, false]),
            r#"… WHERE ("city" IS NULL AND ("country", "icao") < ($1, $2)) ORDER BY "city" DESC NULLS LAST, "country" DESC, "icao" DESC LIMIT $3"#,
        ),
        (
            all().order_by(Port::FEET.asc()).order_by(Port::CITY.asc()).pages(SIZE).sql_behind(&[false; 4]),
            r#"… WHERE ("feet" >= $1 AND ("feet" > $1 OR ("city" > $2 OR "city" IS NULL OR ("city" = $2 AND ("country", "icao") > ($3, $4))))) ORDER BY "feet", "city", "country", "icao" LIMIT $5"#,
        ),
        (
            // What stands behind the whole key decides nothing, and is left out.
            all()
                .order_by(Port::ICAO.asc())
                .order_by(Port::COUNTRY.desc())
                .order_by(Port::FEET.asc())
                .pages(SIZE)
                .sql_behind(&[false; 2]),
            r#"… WHERE ("icao" >= $1 AND ("icao" > $1 OR "country" < $2)) ORDER BY "icao", "country" DESC LIMIT $3"#,
        ),
        (
            ports().find(Port::FEET.gt(1).or(Port::CITY.eq(None))).pages(SIZE).sql_behind(&[false; 2]),
            r#"… WHERE ("feet" > $1 OR "city" IS NULL) AND ("country", "icao") > ($2, $3) ORDER BY "country", "icao" LIMIT $4"#,
        ),
        (
            all().for_update().skip_locked().pages(SIZE).sql().unwrap(),
            r#"… ORDER BY "country", "icao" LIMIT $1 FOR UPDATE SKIP LOCKED"#,
        ),
    ]);
    let distinct = all().distinct().pages(SIZE).sql().unwrap();
    let wanted = ALL.replace("SELECT", "SELECT DISTINCT");
    assert_eq!(distinct, format!(r#"{wanted} ORDER BY "country", "icao" LIMIT $1"#));
    let elsewhere = ports().in_schema("t42").all().pages(SIZE).sql_behind(&[false; 2]);
    let wanted = ALL.replace(r#""geo""#, r#""t42""#);
    let behind = r#"("country", "icao") > ($1, $2)"#;
    assert_eq!(elsewhere, format!(r#"{wanted} WHERE {behind} ORDER BY "country", "icao" LIMIT $3"#));
    let rank = |number| format!(r#"ts_rank(to_tsvector('simple', "city"), websearch_to_tsquery('simple', ${number}))"#);
    let ranked = || all().order_by(Port::CITY.text_rank("simple", "a").desc()).pages(SIZE);
    let select = ALL.replace(r#" FROM "#, &format!(r#", {} AS "pgrepo: sort 0" FROM "#, rank(1)));
    let order = |number| format!(r#"ORDER BY {} DESC, "country" DESC, "icao" DESC LIMIT"#, rank(number));
    assert_eq!(ranked().sql().unwrap(), format!("{select} {} $3", order(2)));
    let behind = format!(r#"({} <= $3 AND ({} < $3 OR ("country", "icao") < ($5, $6)))"#, rank(2), rank(4));
    assert_eq!(ranked().sql_behind(&[false; 3]), format!("{select} WHERE {behind} {} $8", order(7)));
}

#[test]
fn changes() {
    let table = r#""geo"."air""ports""#;
    compare(vec![
        (
            ports().update_where(Port::FEET.gt(1)).set(Port::CITY.set("a")).set(Port::HEIGHT.set(None)).sql(),
            &*format!(r#"UPDATE {table} SET "city" = $1, "height" = $2, "version" = "version" + 1 WHERE "feet" > $3"#),
        ),
        (
            ports().update_where(Filter::all()).set(Port::VERSION.set(7)).sql(),
            &*format!(r#"UPDATE {table} SET "version" = $1"#),
        ),
        (ports().delete_where(Port::CITY.eq(None)).sql(), &*format!(r#"DELETE FROM {table} WHERE "city" IS NULL"#)),
        (ports().delete_where(Filter::all()).sql(), &*format!("DELETE FROM {table}")),
    ]);
    let mut text = Text::default();
    let set = [Port::CITY.set("a"), Port::TAGS.set(vec!["a".to_owned()])];
    text.assignments(&set);
    assert_eq!(text.sql, r#" SET "city" = $1, "the ""tags""" = $2"#);
}
