"""`make run`: the stack in an embedded AWS, the front server, and fakes of Telegram and the payment providers."""
