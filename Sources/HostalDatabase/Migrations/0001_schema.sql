create schema if not exists hostal;
