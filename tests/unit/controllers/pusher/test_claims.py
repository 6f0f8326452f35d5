from midonet_kubernetes.controllers.pusher.claims import Claims


def test_the_later_claim_wins_and_the_earlier_one_gets_it_back():
    claims = Claims()
    assert claims.claim("one", "Chain/a") == ""
    assert claims.claim("two", "Chain/a") == "one"
    assert claims.winner("Chain/a") == "two"
    assert claims.release("two", "Chain/a") == "one"
    assert claims.winner("Chain/a") == "one"
    assert claims.release("one", "Chain/a") == ""
    assert claims.winner("Chain/a") == ""


def test_claiming_twice_changes_nothing():
    claims = Claims()
    claims.claim("one", "Chain/a")
    claims.claim("two", "Chain/a")
    assert claims.claim("one", "Chain/a") == ""
    assert claims.winner("Chain/a") == "two"


def test_the_loser_of_an_object_gives_nothing_back_when_it_lets_go():
    claims = Claims()
    claims.claim("one", "Chain/a")
    claims.claim("two", "Chain/a")
    assert claims.release("one", "Chain/a") == ""
    assert claims.winner("Chain/a") == "two"
    assert claims.release("nobody", "Chain/a") == ""


def test_who_waits_is_named_when_the_token_is_given():
    claims = Claims()
    claims.owe("maker", "a")
    assert claims.missing(("b", "a"), "user") == "a"
    claims.wait("user", "a")
    assert claims.waiting == 1
    assert claims.give("a") == ["user"]
    assert claims.missing(("a",), "user") == ""
    assert claims.waiting == 0


def test_nobody_waits_for_itself_or_for_what_nobody_makes():
    claims = Claims()
    claims.owe("maker", "a")
    assert claims.missing(("a", "unheard of"), "maker") == ""


def test_who_waits_is_named_when_nobody_is_going_to_give_the_token_any_more():
    claims = Claims()
    claims.owe("one", "a")
    claims.owe("two", "a")
    claims.wait("user", "a")
    assert claims.withdraw("one", "a") == []
    assert claims.withdraw("two", "a") == ["user"]
    assert claims.withdraw("two", "a") == []
