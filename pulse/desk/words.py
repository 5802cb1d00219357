"""What the pages say, in both languages."""

from collections.abc import Mapping

Words = Mapping[str, str]

ENGLISH: Words = {
    "language": "en",
    "what": "Pulse brings what customers write on the website, in VK and in Telegram into one place, and answers back.",
    "sign_in": "Sign in",
    "docs": "The HTTP API",
    "email": "Email",
    "password": "Password",
    "code": "Six digits of your app, or a recovery code",
    "wrong-password": "Email or password is wrong.",
    "wrong-code": "This code is wrong, or it was used already.",
    "not-authentic": "This took too long. Sign in again.",
    "too-many-tries": "Too many tries. Wait a little before the next one.",
    "telegram": "Sign in with Telegram",
    "vk": "Sign in with VK ID",
    "behind": "You are signed in as {name}. This page has no face yet; the API behind it:",
    "/dashboard": "Dashboard",
    "/settings/profile": "Profile",
    "/settings/password": "Password",
    "/settings/2fa": "Two-factor sign-in",
    "/admin": "Administration",
}
RUSSIAN: Words = {
    "language": "ru",
    "what": "Pulse собирает в одном месте то, что клиенты пишут на сайте, во ВКонтакте и в Telegram, и отвечает им там же.",
    "sign_in": "Войти",
    "docs": "HTTP API",
    "email": "Почта",
    "password": "Пароль",
    "code": "Шесть цифр из приложения или запасной код",
    "wrong-password": "Неверная почта или пароль.",
    "wrong-code": "Код неверный или уже использован.",
    "not-authentic": "Прошло слишком много времени. Войдите заново.",
    "too-many-tries": "Слишком много попыток. Подождите немного.",
    "telegram": "Войти через Telegram",
    "vk": "Войти через VK ID",
    "behind": "Вы вошли как {name}. У этой страницы ещё нет интерфейса; за ней стоит API:",
    "/dashboard": "Рабочий стол",
    "/settings/profile": "Профиль",
    "/settings/password": "Пароль",
    "/settings/2fa": "Двухфакторный вход",
    "/admin": "Управление",
}
WORDS: Mapping[str, Words] = {"en": ENGLISH, "ru": RUSSIAN}
