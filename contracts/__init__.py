"""What every part of Fedele agrees on: tables, time, the feature frame, the score record, errors."""
