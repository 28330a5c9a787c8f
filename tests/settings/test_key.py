import pytest

from lumeai_cli.settings import SettingsError, check_key


@pytest.mark.parametrize("text", ["sk-1", "k", "a.b_c-d/e+f=", "~!@#$%^&*()"])
def test_a_key_that_a_header_can_carry_becomes_a_secret(text: str) -> None:
    secret = check_key(text, ".env:3")
    assert (secret.reveal(), secret.source) == (text, ".env:3")
    assert text not in repr(secret)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sk-твой-ключ", "looks like a placeholder copied from a manual"),
        ("“sk-planted”", "a curly quote or a long dash"),
        ("sk—planted", "a curly quote or a long dash"),
        ("sk planted", "a space or a line break"),
        ("sk-planted\n", "a space or a line break"),
        ("sk-planted\x07", "a control character"),
        ("sk-planted\x7f", "a control character"),
        ("sk-planted\udcff", "a curly quote"),
        ("", "the key is empty"),
    ],
)
def test_any_other_is_one_clear_sentence_without_the_key(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as error:
        check_key(text, "environment KEY")
    assert str(error.value).startswith("environment KEY: the key ")
    assert said in str(error.value)
    assert not text or text.strip() not in str(error.value)
    assert "planted" not in str(error.value)
