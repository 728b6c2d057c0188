//! Every transition, on a clock that stands still.

use std::time::Duration;

use tokio::time::advance;

use super::*;

const CONFIG: BreakerConfig = BreakerConfig {
    window: Duration::from_secs(10),
    min_calls: 4,
    failure_percent: 50,
    slow_call: Some(Duration::from_secs(2)),
    slow_percent: 75,
    open_for: Duration::from_secs(5),
    trials: 2,
};

fn state(breaker: &Breaker) -> BreakerState {
    breaker.snapshot().state
}

fn calls(breaker: &Breaker, count: u32, end: fn(Permit)) {
    for _ in 0..count {
        end(breaker.enter().unwrap());
    }
}

fn is_rejected(breaker: &Breaker) -> bool {
    matches!(breaker.enter(), Err(error) if error.kind() == ErrorKind::CircuitOpen
        && error.fault_class() == FaultClass::NotSent)
}

fn opened() -> Breaker {
    let breaker = Breaker::new(CONFIG).unwrap();
    calls(&breaker, 4, Permit::failed);
    assert_eq!(state(&breaker), BreakerState::Open);
    breaker
}

async fn half_open() -> Breaker {
    let breaker = opened();
    advance(CONFIG.open_for).await;
    assert_eq!(state(&breaker), BreakerState::HalfOpen);
    breaker
}

#[tokio::test(start_paused = true)]
async fn closed_opens_when_the_share_of_failures_is_reached() {
    let breaker = Breaker::new(CONFIG).unwrap();
    calls(&breaker, 3, Permit::failed);
    assert_eq!(state(&breaker), BreakerState::Closed, "too few calls to know");
    let breaker = Breaker::new(CONFIG).unwrap();
    calls(&breaker, 3, Permit::succeeded);
    calls(&breaker, 2, Permit::failed);
    assert_eq!(state(&breaker), BreakerState::Closed, "2 of 5 are below half");
    calls(&breaker, 1, Permit::failed);
    let now = breaker.snapshot();
    assert_eq!((now.state, now.calls, now.failures), (BreakerState::Open, 6, 3));
    assert_eq!(now.retry_in, Some(CONFIG.open_for));
    assert!(is_rejected(&breaker) && is_rejected(&breaker));
    assert_eq!(breaker.snapshot().rejected, 2);
}

#[tokio::test(start_paused = true)]
async fn closed_opens_when_the_share_of_slow_calls_is_reached() {
    let breaker = Breaker::new(CONFIG).unwrap();
    calls(&breaker, 1, Permit::succeeded);
    for slow in 1..=3 {
        let permit = breaker.enter().unwrap();
        advance(Duration::from_secs(2)).await;
        permit.succeeded();
        assert_eq!(breaker.snapshot().slow, slow);
    }
    assert_eq!(state(&breaker), BreakerState::Open, "3 of 4 were slow");
    // Just below the limit is not slow, and where there is no limit nothing is.
    for slow_call in [CONFIG.slow_call, None] {
        let breaker = Breaker::new(BreakerConfig { slow_call, ..CONFIG }).unwrap();
        for _ in 0..8 {
            let permit = breaker.enter().unwrap();
            advance(Duration::from_millis(if slow_call.is_some() { 1999 } else { 60_000 })).await;
            permit.succeeded();
        }
        assert_eq!((state(&breaker), breaker.snapshot().slow), (BreakerState::Closed, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_older_than_the_window_is_forgotten() {
    let breaker = Breaker::new(CONFIG).unwrap();
    calls(&breaker, 1, Permit::failed);
    advance(Duration::from_secs(6)).await;
    calls(&breaker, 3, Permit::succeeded);
    advance(Duration::from_secs(4)).await;
    assert_eq!((breaker.snapshot().calls, breaker.snapshot().failures), (3, 0));
    calls(&breaker, 2, Permit::failed);
    assert_eq!(state(&breaker), BreakerState::Closed, "2 of 5, and not 3 of 6");
    advance(Duration::from_secs(100)).await;
    assert_eq!(breaker.snapshot().calls, 0);
}

#[tokio::test(start_paused = true)]
async fn open_becomes_half_open_when_its_time_is_over() {
    let breaker = opened();
    advance(CONFIG.open_for - Duration::from_millis(1)).await;
    assert!(is_rejected(&breaker));
    assert_eq!(breaker.snapshot().retry_in, Some(Duration::from_millis(1)));
    advance(Duration::from_millis(1)).await;
    let first = breaker.enter().unwrap();
    assert_eq!(state(&breaker), BreakerState::HalfOpen);
    let second = breaker.enter().unwrap();
    assert!(is_rejected(&breaker), "two trials are under way");
    first.succeeded();
    assert!(is_rejected(&breaker), "one trial has succeeded and one is under way");
    assert_eq!(state(&breaker), BreakerState::HalfOpen);
    second.succeeded();
    assert_eq!(state(&breaker), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn half_open_closes_and_forgets_what_was_before() {
    let breaker = half_open().await;
    calls(&breaker, 2, Permit::succeeded);
    let now = breaker.snapshot();
    assert_eq!((now.state, now.calls, now.failures), (BreakerState::Closed, 0, 0));
    calls(&breaker, 3, Permit::failed);
    assert_eq!(state(&breaker), BreakerState::Closed, "it counts anew");
    calls(&breaker, 1, Permit::failed);
    assert_eq!(state(&breaker), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn half_open_opens_again_at_the_first_failure_or_slow_call() {
    let breaker = half_open().await;
    calls(&breaker, 1, Permit::succeeded);
    calls(&breaker, 1, Permit::failed);
    assert_eq!(breaker.snapshot().retry_in, Some(CONFIG.open_for), "for the whole time again");
    let breaker = half_open().await;
    let slow = breaker.enter().unwrap();
    advance(Duration::from_secs(2)).await;
    slow.succeeded();
    assert_eq!(state(&breaker), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_trial_that_is_dropped_makes_room_for_another() {
    let breaker = half_open().await;
    let (first, second) = (breaker.enter().unwrap(), breaker.enter().unwrap());
    assert!(is_rejected(&breaker));
    drop(first);
    let third = breaker.enter().unwrap();
    drop((second, third));
    calls(&breaker, 2, Permit::succeeded);
    assert_eq!(state(&breaker), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_call_from_before_says_nothing_about_the_state_now() {
    let breaker = Breaker::new(CONFIG).unwrap();
    let (late, later, dropped) = (breaker.enter().unwrap(), breaker.enter().unwrap(), breaker.enter().unwrap());
    calls(&breaker, 4, Permit::failed);
    late.succeeded();
    assert_eq!(state(&breaker), BreakerState::Open);
    advance(CONFIG.open_for).await;
    let trial = breaker.enter().unwrap();
    later.failed();
    drop(dropped);
    assert_eq!(state(&breaker), BreakerState::HalfOpen);
    let second = breaker.enter().unwrap();
    assert!(is_rejected(&breaker), "what was dropped was no trial");
    trial.succeeded();
    second.succeeded();
    assert_eq!(state(&breaker), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn each_change_is_told_once_and_in_order() {
    use BreakerState::*;
    let breaker = Breaker::new(CONFIG).unwrap();
    let mut changes = breaker.changes();
    calls(&breaker, 4, Permit::failed);
    advance(CONFIG.open_for).await;
    calls(&breaker, 1, Permit::failed);
    advance(CONFIG.open_for).await;
    calls(&breaker, 2, Permit::succeeded);
    drop(breaker);
    let mut told = Vec::new();
    while let Some(change) = changes.next().await {
        told.push((change.from, change.to));
    }
    assert_eq!(told, [(Closed, Open), (Open, HalfOpen), (HalfOpen, Open), (Open, HalfOpen), (HalfOpen, Closed)]);
}

#[test]
fn settings_that_cannot_be_meant_are_refused() {
    let wrong = |config: BreakerConfig, named: &str| {
        let error = Breaker::new(config).unwrap_err();
        assert!(error.kind() == ErrorKind::Config && error.to_string().contains(named), "{error}");
    };
    wrong(BreakerConfig { window: Duration::ZERO, ..CONFIG }, "breaker.window");
    wrong(BreakerConfig { open_for: Duration::ZERO, ..CONFIG }, "breaker.open_for");
    wrong(BreakerConfig { min_calls: 0, ..CONFIG }, "breaker.min_calls");
    wrong(BreakerConfig { trials: 0, ..CONFIG }, "breaker.trials");
    wrong(BreakerConfig { failure_percent: 0, ..CONFIG }, "breaker.failure_percent");
    wrong(BreakerConfig { slow_percent: 101, ..CONFIG }, "breaker.slow_percent");
    wrong(BreakerConfig { slow_call: Some(Duration::ZERO), ..CONFIG }, "breaker.slow_call");
}
