/// The page on which a buyer pays; no script needed, the buttons are a form.
enum PayPage {
    /// - Parameter payment: nil for an unknown id.
    static func html(_ payment: YooKassaPayment?) -> String {
        let content: String
        switch payment?.status {
        case nil: content = card("Платёж не найден", "Проверьте ссылку или создайте новый платёж в боте.", "warn")
        case .pending: content = form(payment)
        case .succeeded, .waitingForCapture:
            content = card("Оплата прошла", "Можно вернуться в чат: бот сам узнает о платеже.", "good") + back(payment)
        case .canceled:
            content =
                card("Платёж отменён", "Деньги не списаны. Новый платёж можно создать в боте.", "warn") + back(payment)
        }
        return """
            <!doctype html><html lang="ru"><head><meta charset="utf-8">
            <meta name="viewport" content="width=device-width,initial-scale=1"><title>Оплата — песочница</title>
            <link rel="icon" href="data:,"><style>\(style)</style></head><body><main>
            <p class="mark"><span>₽</span> ЮKassa <em>песочница, деньги не настоящие</em></p>\(content)</main></body></html>
            """
    }

    private static func form(_ payment: YooKassaPayment?) -> String {
        guard let payment else { return "" }
        let amount = YooKassaMoney.text(payment.kopecks).replacing(".", with: ",")
        return """
            <section><p class="what">\(escape(payment.description ?? "Оплата заказа"))</p>
            <p class="sum">\(amount) ₽</p>
            <div class="card"><b>Тестовая карта</b><code>5555 5555 5555 4477</code><small>07/29 · CVC 123</small></div>
            <form method="post"><button name="action" value="paid" class="main">Оплатить \(amount) ₽</button>
            <button name="action" value="declined">Карта отклонена</button>
            <button name="action" value="cancelled">Отменить</button></form></section>
            """
    }

    private static func card(_ title: String, _ text: String, _ tone: String) -> String {
        "<section class=\"\(tone)\"><h1>\(title)</h1><p>\(text)</p></section>"
    }

    private static func back(_ payment: YooKassaPayment?) -> String {
        guard let url = payment?.returnURL, url.hasPrefix("https://") || url.hasPrefix("http://") else { return "" }
        return "<p class=\"back\"><a href=\"\(escape(url))\" target=\"_top\" data-return>Вернуться в магазин</a></p>"
            + "<script>document.querySelector('[data-return]').addEventListener('click',function(e){"
            + "if(window.parent!==window){e.preventDefault();"
            + "window.parent.postMessage({kind:'paid',url:this.href},location.origin)}})</script>"
    }

    /// Makes a text safe inside HTML.
    static func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }

    private static let style = """
        *{box-sizing:border-box}body{margin:0;font:16px/1.45 system-ui,"Segoe UI",Roboto,sans-serif;color:#1b2430;
        background:linear-gradient(160deg,#eaf0fb,#f7f3ff);min-height:100vh;display:grid;place-items:center}
        main{width:min(420px,100%);padding:20px}.mark{display:flex;gap:8px;align-items:center;font-weight:700;margin:0 0 14px;flex-wrap:wrap}
        .mark span{background:#5a4fcf;color:#fff;border-radius:9px;width:30px;height:30px;display:grid;place-items:center}
        .mark em{font:12px/1 system-ui;color:#5c6878;background:#fff;padding:6px 9px;border-radius:99px}
        section{background:#fff;border-radius:20px;padding:22px;box-shadow:0 8px 30px #1f2a4a1c}
        .what{margin:0;color:#4c5868}.sum{font-size:36px;font-weight:750;margin:4px 0 16px;letter-spacing:-.02em}
        .card{background:linear-gradient(135deg,#35307f,#7a5be0);color:#fff;border-radius:16px;padding:16px;display:grid;gap:14px;margin-bottom:18px}
        .card code{font:600 19px/1 ui-monospace,monospace;letter-spacing:.06em}.card small{opacity:.85}
        form{display:grid;gap:10px}button{font:inherit;padding:13px;border-radius:13px;border:1px solid #d6dce6;background:#fff;cursor:pointer}
        button:hover{background:#f3f5f9}button:focus-visible,a:focus-visible{outline:3px solid #5a4fcf66;outline-offset:2px}
        .main{background:#5a4fcf;color:#fff;border-color:#5a4fcf;font-weight:650}.main:hover{background:#4a40b8}
        h1{font-size:22px;margin:0 0 6px}section p{margin:0}.good{border-top:5px solid #2aa876}.warn{border-top:5px solid #e0912f}
        .back{text-align:center}a{color:#4a40b8}
        """
}
