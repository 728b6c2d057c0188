use super::*;
use crate::FaultClass;

fn failed(class: FaultClass) -> Error {
    Error::new(ErrorKind::Connection, "it failed").of_fault(class)
}

#[test]
fn the_waits_double_up_to_the_greatest_and_are_drawn_from_all_below() {
    let retry = RetryConfig {
        attempts: 7,
        first_delay: Duration::from_millis(100),
        greatest_delay: Duration::from_millis(1000),
        ..RetryConfig::default()
    };
    let ceilings = [100, 200, 400, 800, 1000, 1000].map(Duration::from_millis);
    let (mut least, mut most) = ([Duration::MAX; 6], [Duration::ZERO; 6]);
    for _ in 0..2000 {
        let waits: Vec<_> = retry.backoff().collect();
        assert_eq!(waits.len(), 6);
        for (i, wait) in waits.iter().enumerate() {
            assert!(*wait <= ceilings[i], "{wait:?} of {:?}", ceilings[i]);
            (least[i], most[i]) = (least[i].min(*wait), most[i].max(*wait));
        }
    }
    for (i, ceiling) in ceilings.iter().enumerate() {
        assert!(least[i] < *ceiling / 20 && most[i] > *ceiling / 20 * 19, "{:?} to {:?}", least[i], most[i]);
    }
}

#[test]
fn an_outage_costs_a_fifth_more_than_the_calls_and_the_reserve() {
    let config = RetryConfig { first_delay: Duration::ZERO, ..RetryConfig::default() };
    let retry = Retry::new(config);
    let mut made = 0;
    for _ in 0..1000 {
        let mut attempts = retry.attempts();
        while attempts.after(failed(FaultClass::NotSent), false).is_ok() {}
        made += attempts.made;
    }
    // The first call's share finds it full.
    assert_eq!(made, 1000 + 199 + config.reserve);
    // Once calls succeed the reserve fills up again, and no further.
    for _ in 0..10_000 {
        retry.budget.deposit();
    }
    assert_eq!((0..100).filter(|_| retry.budget.withdraw()).count(), 10);
}

#[test]
fn attempts_end_with_their_number_and_the_last_cause() {
    let retry = Retry::new(RetryConfig { attempts: 3, first_delay: Duration::ZERO, ..RetryConfig::default() });
    let mut attempts = retry.attempts();
    attempts.after(failed(FaultClass::NotSent), false).unwrap();
    attempts.after(failed(FaultClass::Overload), false).unwrap();
    let last = attempts.after(failed(FaultClass::RolledBack), false).unwrap_err();
    assert_eq!((last.attempts(), last.fault_class()), (3, FaultClass::RolledBack));
    assert_eq!(last.to_string(), "it failed; given up after 3 attempts");
    let mut rejected = retry.attempts();
    rejected.after(failed(FaultClass::Overload), false).unwrap();
    let open = Error::new(ErrorKind::CircuitOpen, "the breaker is open").of_fault(FaultClass::NotSent);
    let last = rejected.after(open, false).unwrap_err();
    assert_eq!((last.attempts(), last.fault_class()), (1, FaultClass::Overload));
    let mut late = retry.attempts();
    late.after(failed(FaultClass::Overload), false).unwrap();
    let last = late.explain(Error::new(ErrorKind::Timeout, "no connection in time"));
    assert_eq!(last.to_string(), "no connection in time; given up after 2 attempts");
    assert_eq!(std::error::Error::source(&last).unwrap().to_string(), "it failed");
    let once = retry.attempts().after(failed(FaultClass::Fatal), true).unwrap_err();
    assert_eq!((once.attempts(), once.to_string().as_str()), (1, "it failed"));
}

#[test]
fn what_may_have_had_an_effect_is_repeated_only_where_that_is_the_same() {
    let retry = Retry::new(RetryConfig::default());
    assert!(retry.attempts().after(failed(FaultClass::Indeterminate), false).is_err());
    assert!(retry.attempts().after(failed(FaultClass::Indeterminate), true).is_ok());
    let late = Error::new(ErrorKind::Timeout, "no connection in time").of_fault(FaultClass::Overload);
    assert!(retry.attempts().after(late, true).is_err(), "it has had its time");
    let off = Retry::new(RetryConfig::off());
    assert!(off.attempts().after(failed(FaultClass::NotSent), true).is_err());
}

#[tokio::test(start_paused = true)]
async fn no_attempt_begins_after_the_deadline() {
    let config =
        RetryConfig { deadline: Duration::from_secs(5), attempts: 100, reserve: 100, ..RetryConfig::default() };
    let retry = Retry::new(config);
    let mut attempts = retry.attempts();
    let began = Instant::now();
    while let Ok(wait) = attempts.after(failed(FaultClass::NotSent), false) {
        tokio::time::advance(wait + Duration::from_millis(300)).await;
        assert!(began.elapsed() < config.deadline + Duration::from_millis(300));
    }
    assert!(attempts.made > 2 && attempts.made < 100, "{}", attempts.made);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let wrong = |retry: RetryConfig| retry.check().unwrap_err().to_string();
    let fine = RetryConfig::default();
    assert!(fine.check().is_ok() && RetryConfig::off().check().is_ok());
    assert!(wrong(RetryConfig { attempts: 0, ..fine }).contains("retry.attempts"));
    assert!(wrong(RetryConfig { greatest_delay: Duration::ZERO, ..fine }).contains("retry.greatest_delay"));
    assert!(wrong(RetryConfig { budget_percent: 101, ..fine }).contains("retry.budget_percent"));
}
