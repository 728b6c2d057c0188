use std::num::NonZeroUsize;

use futures_util::{StreamExt, TryStreamExt};
use pgrepo::{Db, ErrorKind, Filter, Find, Handle, OwnedRow, PageToken, PgTable, PrimaryKey, Repository, Result};

use super::{Info, Stay, size, stays};
use crate::support::pool;

type Where = fn() -> Filter<'static, Stay>;
type Sorted = for<'a> fn(Find<'static, &'a Db, Stay>) -> Find<'static, &'a Db, Stay>;

/// The keys of all pages, each asked for by the token of the one before, as text.
async fn walk(db: &Db, filter: Where, sorted: Sorted, rows: NonZeroUsize) -> Vec<(i32, String)> {
    let (mut keys, mut after) = (Vec::new(), None::<PageToken<Stay>>);
    loop {
        let pages = sorted(db.repository::<Stay>().find(filter())).pages(rows).after(after);
        let page = pages.fetch_page().await.unwrap();
        assert!(page.rows.len() == rows.get() || page.next.is_none(), "a short page is the last one");
        keys.extend(page.rows.into_iter().map(|stay| (stay.org, stay.code)));
        let Some(next) = page.next else { return keys };
        let read: PageToken<Stay> = next.to_string().parse().unwrap();
        assert_eq!(read, next);
        after = Some(read);
    }
}

#[pgrepo::test]
async fn each_row_comes_once_in_every_order(db: Db) {
    stays(&db).await;
    let orders: &[(Sorted, &str)] = &[
        (|f| f, "org, code"),
        (|f| f.order_by(Stay::ORG.asc()), "org, code"),
        (|f| f.order_by(Stay::ORG.desc()), "org DESC, code DESC"),
        (|f| f.order_by(Stay::ORG.desc()).order_by(Stay::CODE.asc()), "org DESC, code"),
        (|f| f.order_by(Stay::CODE.desc()), "code DESC, org DESC"),
        (|f| f.order_by(Stay::CODE.asc()).order_by(Stay::ORG.asc()).order_by(Stay::CITY.asc()), "code, org"),
        (|f| f.order_by(Stay::STARS.asc()), "stars, org, code"),
        (|f| f.order_by(Stay::STARS.desc()), "stars DESC, org DESC, code DESC"),
        (|f| f.order_by(Stay::STARS.desc()).order_by(Stay::ORG.asc()), "stars DESC, org, code"),
        (|f| f.order_by(Stay::PRICE.asc()), "price, org, code"),
        (|f| f.order_by(Stay::PRICE.desc()).order_by(Stay::STARS.asc()), "price DESC, stars, org, code"),
        (|f| f.order_by(Stay::CITY.asc()), "city, org, code"),
        (|f| f.order_by(Stay::CITY.desc()), "city DESC, org DESC, code DESC"),
        (|f| f.order_by(Stay::CITY.asc().nulls_first()), "city NULLS FIRST, org, code"),
        (|f| f.order_by(Stay::CITY.desc().nulls_last()), "city DESC NULLS LAST, org DESC, code DESC"),
        (
            |f| f.order_by(Stay::CITY.asc()).order_by(Stay::SINCE.desc()).order_by(Stay::MOOD.asc().nulls_first()),
            "city, since DESC, mood NULLS FIRST, org, code",
        ),
        (
            |f| f.order_by(Stay::MOOD.desc().nulls_last()).order_by(Stay::SINCE.asc()).order_by(Stay::ORG.desc()),
            "mood DESC NULLS LAST, since, org DESC, code DESC",
        ),
        (|f| f.order_by(Stay::INFO.at(Info::SIZE).desc()), "(info->>'size')::numeric DESC, org DESC, code DESC"),
        (
            |f| f.order_by(Stay::CITY.text_rank("simple", "breda").asc()),
            "ts_rank(to_tsvector('simple', city), websearch_to_tsquery('simple', 'breda')), org, code",
        ),
    ];
    let filters: &[(Where, &str)] = &[
        (Filter::all, "true"),
        (|| Stay::STARS.eq(1).or(Stay::ORG.eq(0)), "stars = 1 OR org = 0"),
        (|| Stay::CITY.is_null().not(), "city IS NOT NULL"),
        (|| Stay::ORG.gt(100), "false"),
    ];
    for (sorted, order) in orders {
        for (filter, condition) in filters {
            let sql = format!(r#"SELECT org, code FROM "odd ""stays""" WHERE {condition} ORDER BY {order}"#);
            let expected: Vec<(i32, String)> = db.query(sql.clone()).fetch_all().await.unwrap();
            for rows in (1..=9).chain([22, 23, 24, usize::MAX]) {
                assert_eq!(walk(&db, *filter, *sorted, size(rows)).await, expected, "{rows} rows a page of {sql}");
            }
        }
    }
}

#[pgrepo::test]
async fn rows_that_come_and_go_move_no_other(db: Db) {
    stays(&db).await;
    let stays = db.repository::<Stay>();
    let pages = || stays.all().order_by(Stay::STARS.asc()).pages(size(5));
    let first = pages().fetch_page().await.unwrap();
    let last = first.rows.last().unwrap().clone();
    let mut before: Vec<(i32, String)> = Vec::new();
    let mut rest = Box::pin(pages().after(first.next.clone()).stream());
    while let Some(stay) = rest.try_next().await.unwrap() {
        before.push((stay.org, stay.code));
    }
    // The row that the token was made of is gone, one before it is new, and one behind it.
    assert!(stays.delete((last.org, last.code.as_str())).await.unwrap());
    let earlier = Stay { org: -1, code: "new".into(), stars: 0, ..last.clone() };
    let later = Stay { org: 9, code: "new".into(), stars: 1, ..last };
    stays.insert_many([&earlier, &later]).await.unwrap();
    let after: Vec<Stay> = pages().after(first.next).stream().try_collect().await.unwrap();
    before.push((9, "new".into()));
    assert_eq!(after.into_iter().map(|stay| (stay.org, stay.code)).collect::<Vec<_>>(), before);
}

#[derive(Debug, PartialEq, PgTable)]
#[pg(table = "counted")]
struct Counted {
    #[pg(primary_key)]
    a: i32,
    #[pg(primary_key)]
    b: i64,
    kind: i32,
    maybe: Option<i32>,
}

#[pgrepo::test]
async fn an_index_on_the_order_serves_it(db: Db) {
    let sql = "CREATE TABLE counted (a int4, b int8, kind int4 NOT NULL, maybe int4, PRIMARY KEY (a, b));
        INSERT INTO counted SELECT i % 100, i, i % 7, nullif(i % 1000, 0) FROM generate_series(1, 50000) i;
        CREATE INDEX counted_kind ON counted (kind, a, b);
        CREATE INDEX counted_maybe ON counted (maybe, a, b);
        ANALYZE counted";
    db.execute_script(sql).await.unwrap();
    let all = || db.repository::<Counted>().all();
    let far = || db.repository::<Counted>().find(Counted::A.ge(50));
    for (sorted, index, condition) in [
        (far(), "counted_pkey", "ROW(a, b) > ROW("),
        (far().order_by(Counted::A.desc()), "counted_pkey", "ROW(a, b) < ROW("),
        (far().order_by(Counted::KIND.asc()), "counted_kind", "ROW(kind, a, b) > ROW("),
    ] {
        let place = sorted.pages(size(50));
        let next = place.fetch_page().await.unwrap().next;
        // Of the same order without the filter, so that only the token's place narrows the index.
        let pages = match (index, condition.contains('<')) {
            ("counted_kind", _) => all().order_by(Counted::KIND.asc()),
            (_, true) => all().order_by(Counted::A.desc()),
            (_, false) => all(),
        };
        let plan = pages.pages(size(50)).after(next).explain().await.unwrap();
        assert!(plan.contains(index) && plan.contains(&format!("Index Cond: ({condition}")), "{plan}");
        assert!(!plan.contains("Sort") && !plan.contains("Filter"), "{plan}");
    }
    // Spelled out, the first column's part is still the index's, and nothing is sorted.
    let mixed = || all().order_by(Counted::KIND.asc()).order_by(Counted::MAYBE.desc());
    let next = mixed().pages(size(50)).fetch_page().await.unwrap().next;
    let plan = mixed().pages(size(50)).after(next).explain().await.unwrap();
    assert!(plan.contains("Index Cond: (kind >= "), "{plan}");
    let nulls = || all().order_by(Counted::MAYBE.asc());
    let next = nulls().pages(size(50)).fetch_page().await.unwrap().next;
    let plan = nulls().pages(size(50)).after(next).explain().await.unwrap();
    assert!(plan.contains("counted_maybe") && !plan.contains("Sort"), "{plan}");
}

#[pgrepo::test]
async fn no_connection_is_held_between_pages(test: pgrepo::testkit::TestDatabase) {
    let db = pool(&test.url(), "pages", 1).await;
    stays(&db).await;
    let mut rows = db.repository::<Stay>().all().pages(size(4)).stream();
    let mut count = 0;
    while let Some(stay) = rows.try_next().await.unwrap() {
        // The pool's only connection is free although the stream has not ended.
        let stars: i16 = db
            .query(r#"SELECT stars FROM "odd ""stays""" WHERE (org, code) = ($1, $2)"#)
            .bind(stay.org)
            .bind(&stay.code)
            .fetch_val()
            .await
            .unwrap();
        assert_eq!(stars, stay.stars);
        count += 1;
    }
    assert_eq!(count, 23);
    // Dropped in the midst, and gone on with where the last whole page ended.
    let mut pages = db.repository::<Stay>().all().pages(size(10)).stream_pages();
    let first = pages.try_next().await.unwrap().unwrap();
    drop(pages);
    let rest: Vec<_> = db.repository::<Stay>().all().pages(size(10)).after(first.next).stream_pages().collect().await;
    let lengths: Vec<usize> = rest.iter().map(|page| page.as_ref().unwrap().rows.len()).collect();
    assert_eq!(lengths, [10, 3]);
}

#[pgrepo::test]
async fn pages_in_a_transaction_see_it_and_lock(db: Db) {
    stays(&db).await;
    let mut tx = db.begin().await.unwrap();
    assert!(tx.repository::<Stay>().delete((0, "c3")).await.unwrap());
    let page = tx.repository::<Stay>().all().pages(size(2)).fetch_page().await.unwrap();
    let inside: Vec<Stay> =
        tx.repository::<Stay>().all().pages(size(2)).after(page.next.clone()).stream().try_collect().await.unwrap();
    assert_eq!(inside.len(), 20);
    let mut locking = db.begin().await.unwrap();
    let locked = locking.repository::<Stay>().all().order_by(Stay::ORG.desc()).for_update().pages(size(3));
    let locked = locked.fetch_page().await.unwrap().rows;
    // What is read is what was asked for; the one row more than a page is locked too.
    let rest = tx.repository::<Stay>().all().order_by(Stay::ORG.desc()).for_update().skip_locked().pages(size(100));
    let rest = rest.fetch_page().await.unwrap().rows;
    assert_eq!((locked.len(), rest.len()), (3, 18));
}

#[pgrepo::test]
async fn pages_have_neither_limit_nor_offset(db: Db) {
    stays(&db).await;
    let all = || db.repository::<Stay>().all();
    for find in [all().limit(3), all().offset(3)] {
        let error = find.pages(size(2)).fetch_page().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Query);
        assert_eq!(
            error.to_string(),
            "fetch_page, table odd \"stays\": a page has a size and a token: a limit or an offset has no place beside them"
        );
    }
    let mut stream = all().limit(3).pages(size(2)).stream();
    assert!(stream.next().await.unwrap().is_err());
    assert!(stream.next().await.is_none());
}

#[pgrepo::test]
async fn pages_can_be_read_by_a_spawned_task(db: Db) {
    async fn count<T: PrimaryKey + OwnedRow + 'static>(mut on: impl Handle) -> Result<usize> {
        let page = Repository::<_, T>::new(on.reborrow()).all().pages(size(3)).fetch_page().await?;
        let rest = Repository::<_, T>::new(on).in_schema("public").all().pages(size(3)).stream();
        Ok(page.rows.len() + rest.map(|row| row.map(|_| 1)).try_fold(0, async |sum, n| Ok(sum + n)).await?)
    }
    stays(&db).await;
    let task = tokio::spawn(async move {
        let outside = count::<Stay>(&db).await?;
        let mut tx = db.begin().await?;
        Ok::<_, pgrepo::Error>((outside, count::<Stay>(&mut tx).await?))
    });
    assert_eq!(task.await.unwrap().unwrap(), (26, 26));
}
