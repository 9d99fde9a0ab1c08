//! The logins that connecting makes.

use super::{CONNECT, House, PASSWORD, by_login, refusal};

/// Kisi allows ten API logins a person: connections that are refused use none of them up.
#[tokio::test]
async fn a_refused_connection_leaves_no_login_behind() {
    let house = House::new().await;
    let input = || by_login(PASSWORD, None);
    house
        .good(
            "connectKisi",
            "account { id }",
            &[("input", CONNECT, input())],
        )
        .await;
    for _ in 0..12 {
        let answer = house
            .refused("connectKisi", &[("input", CONNECT, input())])
            .await;
        assert_eq!(answer, refusal("ALREADY_EXISTS", "input.credentials"));
    }
}
