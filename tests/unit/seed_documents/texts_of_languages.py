"""Texts of many languages, and the encodings that they were written in before Unicode."""

# ruff: noqa: E501, RUF001 - letters of all scripts look like others, and are meant
from __future__ import annotations

OLD_ENCODINGS: dict[str, tuple[str, ...]] = {
    "# 제목\n\n자동 매매 시스템은 캔들을 읽고 주문을 냅니다. 백업은 매일 이루어집니다.": (
        "cp949",
        "euc_kr",
    ),
    "가격이 오르면 팔고 내리면 산다": ("cp949",),
    "Größe und Übung: Zürich, Köln, Düsseldorf, schöne Straße.": (
        "cp1252",
        "mac_roman",
        "cp850",
    ),
    "Ärger mit Äquivalenten: Ändern ist verboten.": (
        "cp1252",
        "mac_roman",
        "cp850",
    ),
    "It’s the broker’s job to confirm the order, and the customer’s to cancel it.\n\nDon’t retry a rejected order: the exchange’s answer won’t change.": (
        "cp1252",
        "mac_roman",
    ),
    "“Stop” – said the broker… the price was £5 or €6": (
        "cp1252",
        "mac_roman",
    ),
    "The naïve trader’s café is the façade of the exchange": (
        "cp1252",
        "mac_roman",
    ),
    "Le système arrête la saisie des données à minuit. C’est l’opérateur qui vérifie le dernier numéro: où, très tôt, çà et là. École, État.": (
        "cp1252",
        "mac_roman",
    ),
    "¿Dónde está el botón? Mañana, por la mañana, el señor Núñez cerrará la operación.": (
        "cp1252",
        "mac_roman",
        "cp850",
    ),
    "Não é possível cancelar a ordem após a execução. A corretora não responde às questões.": (
        "cp1252",
        "mac_roman",
        "cp850",
    ),
    "La città è più bella però non c'è università. Il perché è così.": (
        "cp1252",
        "mac_roman",
        "cp850",
    ),
    "Börsen öppnar klockan nio på måndag och stänger på fredag för att det är helg.": (
        "cp1252",
        "mac_roman",
        "cp850",
    ),
    "Børsen åbner klokken ni på mandag og lukker på fredag, fordi det er ferie. Æbler.": (
        "cp1252",
        "mac_roman",
        "cp850",
    ),
    "Giełda otwiera się o dziewiątej i zamyka o siedemnastej. Proszę nie składać zleceń po zamknięciu, że jest za późno.": (
        "cp1250",
        "iso8859_2",
    ),
    "Árvíztűrő tükörfúrógép. A tőzsde kilenckor nyit és ötkor zár, hogy ne legyen késő.": ("cp1250",),
    "Bursa se deschide la nouă şi se închide la cinci. Nu trimiteţi ordine după închidere, că este târziu.": ("cp1250",),
    "Borsa saat dokuzda açılır ve beşte kapanır. Kapanıştan sonra emir göndermeyin, çünkü bu çok geç için.": ("cp1254",),
    "Остановите загрузку данных до полуночи и запишите последний номер. Это не сложно, но важно для всех.": (
        "cp1251",
        "koi8_r",
        "cp866",
        "iso8859_5",
        "mac_cyrillic",
    ),
    "Зупиніть завантаження даних до півночі та запишіть останній номер. Це не складно, але важливо для всіх, що є.": (
        "cp1251",
        "koi8_u",
    ),
    "Спрете зареждането на данни преди полунощ и запишете последния номер. Това не е трудно, но е важно за всички.": ("cp1251",),
    "Σταματήστε τη φόρτωση των δεδομένων πριν από τα μεσάνυχτα και σημειώστε τον τελευταίο αριθμό. Δεν είναι δύσκολο.": (
        "cp1253",
        "iso8859_7",
    ),
    "עצור את טעינת הנתונים לפני חצות ורשום את המספר האחרון. זה לא קשה אבל חשוב של כל אחד.": ("cp1255",),
    "أوقف تحميل البيانات قبل منتصف الليل وسجل الرقم الأخير من هذا. ليس صعبا في كل الأحوال على الجميع.": ("cp1256",),
    "夜中の前に取り込みを停止し、最後の番号を記録してください。これは難しくありません。": (
        "cp932",
        "euc_jp",
        "iso2022_jp",
    ),
    "请在午夜之前停止数据导入，并记录最后的序号。这不难，但是对所有人都很重要。": (
        "gb18030",
        "gb2312",
    ),
    "請在午夜之前停止數據導入，並記錄最後的序號。這不難，但是對所有人都很重要。": (
        "big5hkscs",
        "big5",
    ),
    "Birža atidaroma devintą valandą ir uždaroma penktą. Tai yra svarbu, kad visi žinotų.": ("cp1257",),
    "Burza se otevírá v devět a zavírá v pět hodin. Žádné příkazy po uzávěrce, že by bylo pozdě.": ("cp1250", "iso8859_2"),
}
