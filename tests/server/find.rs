use pgrepo::{Db, ErrorKind, PgEnum, PgNewtype, PgTable};

#[derive(Debug, Clone, Copy, PartialEq, PgEnum)]
#[pg(name = "mood", rename_all = "lowercase")]
enum Mood {
    Sad,
    Happy,
}

#[derive(Debug, Clone, PartialEq, PgNewtype)]
struct Title(String);

#[derive(Debug, Clone, PartialEq, PgTable)]
#[pg(table = "Odd \"names\"")]
struct Line {
    #[pg(primary_key)]
    id: i32,
    title: Title,
    #[pg(column = "the \"body\"")]
    body: Option<String>,
    mood: Option<Mood>,
    tags: Vec<String>,
    amount: i64,
}

const TABLE: &str = r#"CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE TABLE "Odd ""names""" (id int4 PRIMARY KEY, title text NOT NULL, "the ""body""" varchar, mood mood, tags text[] NOT NULL, amount int8 NOT NULL);
INSERT INTO "Odd ""names""" SELECT i, 'Title ' || i, CASE WHEN i % 3 = 0 THEN NULL ELSE '100% of %_' || i END,
    CASE i % 3 WHEN 0 THEN 'sad' WHEN 1 THEN 'happy' END::mood, CASE WHEN i % 2 = 0 THEN '{}' ELSE ARRAY['a', i::text] END, i * 10
    FROM generate_series(1, 12) i"#;

#[pgrepo::test]
async fn each_operator_finds_what_plain_sql_finds(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let body = r#""the ""body""""#;
    let table = [
        (Line::ID.eq(3), "id = 3".to_owned()),
        (Line::MOOD.eq(None), "mood IS NULL".to_owned()),
        (Line::ID.ne(3), "id <> 3".to_owned()),
        (Line::MOOD.ne(None), "mood IS NOT NULL".to_owned()),
        (Line::ID.lt(3), "id < 3".to_owned()),
        (Line::ID.le(3), "id <= 3".to_owned()),
        (Line::MOOD.gt(Mood::Sad), "mood = 'happy'".to_owned()),
        (Line::ID.ge(3), "id >= 3".to_owned()),
        (Line::BODY.is_null(), format!("{body} IS NULL")),
        (Line::BODY.is_not_null(), format!("{body} IS NOT NULL")),
        (Line::ID.gt(3).and(Line::MOOD.eq(Mood::Sad)), "id > 3 AND mood = 'sad'".to_owned()),
        (Line::ID.lt(2).or(Line::ID.gt(11)).and(Line::ID.ne(12)), "(id < 2 OR id > 11) AND id <> 12".to_owned()),
        (Line::MOOD.eq(Mood::Sad).not(), "NOT (mood = 'sad')".to_owned()),
        (Line::ID.between(3, 5), "id BETWEEN 3 AND 5".to_owned()),
        (Line::ID.in_([2, 4, 400]), "id IN (2, 4, 400)".to_owned()),
        (Line::ID.in_(0..200_000), "true".to_owned()),
        (Line::ID.in_([0; 0]), "false".to_owned()),
        (Line::MOOD.in_([Some(Mood::Sad), None]), "mood IS NULL OR mood = 'sad'".to_owned()),
        (Line::MOOD.not_in([Some(Mood::Sad), None]), "mood <> 'sad'".to_owned()),
        (Line::TITLE.in_([Title("Title 1".into())]), "id = 1".to_owned()),
        (Line::TITLE.like("%1"), "id IN (1, 11)".to_owned()),
        (Line::TITLE.not_like("%1"), "id NOT IN (1, 11)".to_owned()),
        (Line::TITLE.ilike("tITLE _"), "id < 10".to_owned()),
        (Line::BODY.not_ilike("%1"), format!("{body} NOT ILIKE '%1'")),
        (Line::BODY.starts_with("100% of %_1"), "id IN (1, 10, 11)".to_owned()),
        (Line::BODY.starts_with("%"), "false".to_owned()),
        (Line::BODY.eq("' OR true --"), "false".to_owned()),
        (Line::TITLE.text_search("english", "titles 7"), "id = 7".to_owned()),
        (Line::TITLE.text_search("pg_catalog.simple", "title -7"), "id <> 7".to_owned()),
        (Line::TAGS.contains(["a", "5"]), "id = 5".to_owned()),
        (Line::TAGS.contained_by(["a", "5"]), "id = 5 OR id % 2 = 0".to_owned()),
        (Line::TAGS.overlaps(["5", "7"]), "id IN (5, 7)".to_owned()),
        (Line::TAGS.any("a"), "id % 2 = 1".to_owned()),
        (Line::TAGS.is_empty(), "id % 2 = 0".to_owned()),
    ];
    for (filter, plain) in table {
        let what = format!("{filter:?}");
        let rows = db.repository::<Line>().find(filter).order_by(Line::ID.asc());
        let found = rows.values(Line::ID).fetch_all().await.unwrap();
        let sql = format!(r#"SELECT id FROM "Odd ""names""" WHERE {plain} ORDER BY id"#);
        assert_eq!(found, db.query(sql).fetch_all::<i32>().await.unwrap(), "{what}");
    }
    let lines = || db.repository::<Line>().find(Line::TITLE.text_search("simple", "title"));
    for (rank, direction) in
        [(Line::TITLE.text_rank("simple", "7").asc(), ""), (Line::TITLE.text_rank("simple", "7").desc(), "DESC")]
    {
        let sql = format!(
            r#"SELECT id FROM "Odd ""names""" ORDER BY ts_rank(to_tsvector('simple', title), websearch_to_tsquery('simple', '7')) {direction}, id"#
        );
        let found = lines().order_by(rank).order_by(Line::ID.asc()).values(Line::ID).fetch_all().await.unwrap();
        assert_eq!(found, db.query(sql).fetch_all::<i32>().await.unwrap(), "{direction}");
    }
    let unknown = db.repository::<Line>().find(Line::TITLE.text_search("no'such", "a")).fetch_all().await.unwrap_err();
    assert_eq!(unknown.sqlstate().unwrap().as_str(), "42704", "{unknown:?}");
}

#[pgrepo::test]
async fn a_question_is_one_prepared_statement_whatever_its_values(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let mut tx = db.begin().await.unwrap();
    for (ids, limit) in [(vec![], 1), (vec![3], 2), (vec![3, 2, 1], 3)] {
        let wanted = ids.len();
        let lines = tx.repository::<Line>().find(Line::ID.in_(ids)).order_by(Line::ID.asc()).limit(limit);
        assert_eq!(lines.fetch_all().await.unwrap().len(), wanted);
    }
    let kept = tx.query("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE $1").bind("%ANY(%LIMIT%");
    assert_eq!(kept.fetch_val::<i64>().await.unwrap(), 1);
}

#[pgrepo::test]
async fn rows_are_counted_and_cut(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let lines = db.repository::<Line>();
    assert_eq!(lines.all().count().await.unwrap(), 12);
    assert_eq!(lines.all().limit(5).count().await.unwrap(), 5);
    assert_eq!(lines.all().distinct().offset(10).count().await.unwrap(), 2);
    assert!(lines.all().exists().await.unwrap());
    assert!(!lines.all().offset(12).exists().await.unwrap());
    assert_eq!(lines.all().min(Line::MOOD).await.unwrap(), Some(Mood::Sad));
    assert_eq!(lines.all().max(Line::ID).await.unwrap(), Some(12));
    assert_eq!(lines.all().sum(Line::ID).await.unwrap(), Some(78));
    assert_eq!(
        lines.all().order_by(Line::ID.desc()).limit(2).sum(Line::AMOUNT).await.unwrap().unwrap().to_string(),
        "230"
    );
    assert_eq!(lines.find(Line::ID.lt(0)).sum(Line::ID).await.unwrap(), None);
    assert!(lines.all().avg(Line::ID).await.unwrap().unwrap().to_string().starts_with("6.5"));
    let moods = lines.all().order_by(Line::MOOD.asc().nulls_first()).values(Line::MOOD).distinct();
    assert_eq!(moods.fetch_all().await.unwrap(), [None, Some(Mood::Sad), Some(Mood::Happy)]);
    let moods = lines.all().order_by(Line::MOOD.desc().nulls_last()).values(Line::MOOD).distinct();
    assert_eq!(moods.fetch_all().await.unwrap(), [Some(Mood::Happy), Some(Mood::Sad), None]);
    let plan = lines.find(Line::ID.eq(7)).limit(1).explain().await.unwrap();
    assert!(plan.contains("Limit") && plan.contains("Odd \"\"names\"\""), "{plan}");
    assert!(lines.all().explain_analyze().await.unwrap().contains("actual"));
    let plan = lines.find(Line::ID.eq(7)).values(Line::AMOUNT).explain().await.unwrap();
    assert!(plan.contains("Odd \"\"names\"\""), "{plan}");
    let (none, asked) = (|| Line::ID.lt(100), lines.find(Line::MOOD.is_not_null()).count().await.unwrap());
    let plan = lines.update_where(none()).set(Line::MOOD.set(None)).explain().await.unwrap();
    assert!(plan.contains("Update on"), "{plan}");
    let plan = lines.delete_where(none()).explain().await.unwrap();
    assert!(plan.contains("Delete on"), "{plan}");
    assert_eq!(lines.find(none().and(Line::MOOD.is_not_null())).count().await.unwrap(), asked, "nothing was changed");
}

#[pgrepo::test]
async fn locked_rows_are_passed_over_or_refused(db: Db) {
    db.execute_script(TABLE).await.unwrap();
    let (mut a, mut b) = (db.begin().await.unwrap(), db.begin().await.unwrap());
    let first = a.repository::<Line>().find(Line::ID.eq(1)).for_update().fetch_one().await.unwrap();
    assert_eq!(first.id, 1);
    let rest = b.repository::<Line>().all().for_update().skip_locked();
    assert_eq!(rest.count().await.unwrap(), 11);
    let refused = b.repository::<Line>().in_schema("public").find(Line::ID.eq(1)).for_share().nowait();
    assert_eq!(refused.fetch_all().await.unwrap_err().kind(), ErrorKind::Timeout);
}
