"""What the bot does with the updates that Telegram sends it."""
